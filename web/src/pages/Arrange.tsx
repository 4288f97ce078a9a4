import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction } from '../lib/action';
import { api, codeOf, type Profile } from '../lib/api';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { Status } from '../ui/Status';
import { useToast } from '../ui/Toast';
import { profileName } from './Profiles';

/** A choice of a person about which accounts are one profile. */
export type Arrangement =
  | { readonly kind: 'merge'; readonly profile: Profile }
  | {
      readonly kind: 'split';
      readonly profile: Profile;
      readonly account: { readonly id: string; readonly ref: string };
    }
  | { readonly kind: 'revert'; readonly profileId: string; readonly entry: string };

interface Details {
  readonly into: string;
  readonly reason: string;
  readonly acknowledged: boolean;
}

async function choose(arrangement: Arrangement, details: Details, dryRun: boolean) {
  const about = {
    dry_run: dryRun,
    ...(details.reason.trim() !== '' && { reason: details.reason.trim() }),
  };
  const acknowledge_conflicts: 'platform_user_id'[] = details.acknowledged
    ? ['platform_user_id']
    : [];
  if (arrangement.kind === 'merge')
    return api.POST('/v1/profiles/{id}/merge', {
      params: { path: { id: arrangement.profile.id } },
      body: { ...about, acknowledge_conflicts, into: details.into.trim() },
    });
  if (arrangement.kind === 'split')
    return api.POST('/v1/profiles/{id}/split', {
      params: { path: { id: arrangement.profile.id } },
      body: { ...about, account_ids: [arrangement.account.id] },
    });
  const { profileId: id, entry: n } = arrangement;
  return api.POST('/v1/profiles/{id}/history/{n}/revert', {
    params: { path: { id, n } },
    body: about,
  });
}

/** Links, splits or reverts: first what would change, then the change. */
export function Arrange({
  arrangement,
  close,
}: {
  readonly arrangement: Arrangement;
  readonly close: () => void;
}) {
  const [details, setDetails] = useState<Details>({ into: '', reason: '', acknowledged: false });
  const set = (changed: Partial<Details>) => {
    setDetails({ ...details, ...changed });
    plan.reset();
  };
  const client = useQueryClient();
  const navigate = useNavigate();
  const toast = useToast();
  const plan = useAction({
    mutationFn: async () => (await choose(arrangement, details, true)).data?.data,
  });
  const run = useAction({
    mutationFn: async () => (await choose(arrangement, details, false)).data?.data,
    onSuccess: (choice) => {
      void client.invalidateQueries({ queryKey: ['profile'] });
      toast('Done. It can be reverted in the history.');
      close();
      if (choice) void navigate({ to: '/profiles/$id', params: { id: choice.profile_id } });
    },
  });
  const error = run.error ?? plan.error;
  const title =
    arrangement.kind === 'merge'
      ? `Link ${profileName(arrangement.profile)} with another profile`
      : arrangement.kind === 'split'
        ? `Split off ${arrangement.account.ref}`
        : 'Revert this choice';
  return (
    <Dialog title={title} close={close} wide>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (plan.data) run.mutate();
          else plan.mutate();
        }}
      >
        {arrangement.kind === 'merge' && (
          <Field label="The other profile" hint="Its id: prof_…">
            {(ids) => (
              <input
                {...ids}
                className="input mono"
                required
                value={details.into}
                onChange={({ target }) => set({ into: target.value })}
              />
            )}
          </Field>
        )}
        <Field label="Reason" hint="For the history and the audit log.">
          {(ids) => (
            <input
              {...ids}
              className="input"
              value={details.reason}
              onChange={({ target }) => set({ reason: target.value })}
            />
          )}
        </Field>
        {arrangement.kind === 'merge' && codeOf(error) === 'conflict' && (
          <label className="row">
            <input
              type="checkbox"
              checked={details.acknowledged}
              onChange={({ target }) => set({ acknowledged: target.checked })}
            />
            Link them although their platform user ids differ
          </label>
        )}
        {plan.data && (
          <div className="fields">
            {(['before', 'after'] as const).map((when) => (
              <div key={when} className="stack tight">
                <h3>{when === 'before' ? 'Now' : 'Then'}</h3>
                {plan.data?.[when].map((group) => (
                  <div key={group.profile_id} className="tile">
                    <span className="row">
                      <code className="truncate">{group.profile_id}</code>
                      <Status state={group.match} tone="plain" />
                    </span>
                    {group.account_ids.map((account) => (
                      <code key={account} className="quiet truncate">
                        {account}
                      </code>
                    ))}
                  </div>
                ))}
              </div>
            ))}
          </div>
        )}
        {error && <Problem error={error} />}
        <div className="row dialog-foot">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={plan.isPending || run.isPending}
          >
            {plan.data ? 'Do it' : 'Show what changes'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
