import { Dialog } from './Dialog';

const KEYS = [
  ['⌘ K', 'Find an id, ref, handle or page'],
  ['/', 'Search in the list'],
  ['j  k', 'Next and previous row'],
  ['Enter', 'Open the row'],
  ['x', 'Select the row'],
  ['Esc', 'Close the panel'],
  ['?', 'This sheet'],
] as const;

export default function Shortcuts({ close }: { readonly close: () => void }) {
  return (
    <Dialog title="Keys" close={close}>
      <dl className="keys">
        {KEYS.map(([key, does]) => (
          <div key={key}>
            <dt>
              {key.split('  ').map((one) => (
                <kbd key={one} className="kbd">
                  {one}
                </kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
