import { Icon } from './Icon';
import { useToast } from './Toast';

/** Puts a text on the clipboard. @param what completes "Copy …" */
export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const toast = useToast();
  return (
    <button
      type="button"
      className="button plain icon small-target no-print"
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
      onClick={() =>
        navigator.clipboard.writeText(text).then(
          () => toast(`Copied the ${what}`),
          () => toast('The browser did not allow it'),
        )
      }
    >
      <Icon name="copy" size={14} />
    </button>
  );
}

/** An id or address with its copy button. */
export function CopyText({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <span className="row tight">
      <code className="truncate" title={text}>
        {text}
      </code>
      <Copy text={text} what={what} />
    </span>
  );
}

/** A block of code to take away. */
export function CodeBlock({ code, what }: { readonly code: string; readonly what: string }) {
  return (
    <div className="code-block">
      <pre>
        <code>{code}</code>
      </pre>
      <Copy text={code} what={what} />
    </div>
  );
}
