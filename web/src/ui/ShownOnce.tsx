import { CopyText } from './Copy';
import { Dialog } from './Dialog';

/** A secret that the gateway tells once, to be kept elsewhere. @param what completes "Copy …" */
export function ShownOnce({
  title,
  note,
  secret,
  what,
  close,
}: {
  readonly title: string;
  readonly note: string;
  readonly secret: string;
  readonly what: string;
  readonly close: () => void;
}) {
  return (
    <Dialog title={title} close={close}>
      <p>{note}</p>
      <div className="code-block">
        <CopyText text={secret} what={what} />
      </div>
      <div className="row dialog-foot">
        <button type="button" className="button primary" onClick={close}>
          I have saved it
        </button>
      </div>
    </Dialog>
  );
}
