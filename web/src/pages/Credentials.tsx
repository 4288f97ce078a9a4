import type { Provider } from '../lib/api';
import { Field } from '../ui/Field';
import { words } from '../ui/Status';

/** What the provider needs, a field each. @param isKept left empty, those there are stay */
export function Credentials({
  provider,
  isKept = false,
}: {
  readonly provider: Provider | undefined;
  readonly isKept?: boolean;
}) {
  return provider?.credentials.map(({ name, secret, required, description }) => (
    <Field
      key={`${provider.id} ${name}`}
      label={words(name)}
      hint={
        isKept
          ? 'Left empty, the one there is stays.'
          : (description ?? (secret ? 'Stored encrypted and never shown again.' : undefined))
      }
    >
      {(ids) => (
        <input
          {...ids}
          name={`credential ${name}`}
          type={secret ? 'password' : 'text'}
          className="input mono"
          autoComplete="off"
          required={required && !isKept}
        />
      )}
    </Field>
  ));
}

/** Those that were given. */
export function credentialsIn(
  form: FormData,
  provider: Provider | undefined,
): Record<string, string> {
  return Object.fromEntries(
    (provider?.credentials ?? []).flatMap(({ name }) => {
      const value = String(form.get(`credential ${name}`) ?? '').trim();
      return value === '' ? [] : [[name, value]];
    }),
  );
}
