import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useAction } from '../lib/action';
import { api, type Query } from '../lib/api';
import { views as allViews, searchOf } from '../lib/queries';
import { useMay } from '../lib/session';
import { Icon } from './Icon';
import { Menu } from './Menu';
import { Problem } from './Problem';
import { useToast } from './Toast';

/** The team's saved views of a page: a name for what stands in the address. */
export function Views({ page, query }: { readonly page: string; readonly query: Query }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const toast = useToast();
  const may = useMay('write');
  const views = useQuery({
    ...allViews,
    select: (all) => all.filter((view) => view.page === page),
  });
  const text = new URLSearchParams(
    Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1])),
  ).toString();
  const changed = () => client.invalidateQueries({ queryKey: allViews.queryKey });
  const save = useAction({
    mutationFn: (name: string) =>
      api.POST('/v1/views', { body: { name, page, query: text, is_default: false } }),
    onSuccess: changed,
  });
  const makeDefault = useAction({
    mutationFn: ({ id, isDefault }: { readonly id: string; readonly isDefault: boolean }) =>
      api.PATCH('/v1/views/{id}', { params: { path: { id } }, body: { is_default: isDefault } }),
    onSuccess: changed,
  });
  const remove = useAction({
    mutationFn: (id: string) => api.DELETE('/v1/views/{id}', { params: { path: { id } } }),
    onSuccess: changed,
  });
  const current = views.data?.find((view) => view.query === text);
  const label = (
    <>
      <Icon name="bookmark" />
      <span className="truncate view-name">{current?.name ?? 'Views'}</span>
      <Icon name="down" size={12} />
    </>
  );
  return (
    <Menu label={label} end>
      <div className="stack tight">
        {views.data?.map((view) => (
          <div key={view.id} className="row">
            <button
              type="button"
              className="option grow"
              aria-pressed={view === current}
              onClick={() => void navigate({ to: '.', search: searchOf(view.query) as never })}
            >
              {view.name}
            </button>
            {view.is_default && !may && <span className="quiet small">Default</span>}
            {may && (
              <button
                type="button"
                className={view.is_default ? 'button small' : 'button plain small'}
                aria-pressed={view.is_default}
                title="The page opens with this view"
                aria-label={`Open the page with the view ${view.name}`}
                onClick={() => makeDefault.mutate({ id: view.id, isDefault: !view.is_default })}
              >
                Default
              </button>
            )}
            {may && (
              <button
                type="button"
                className="button plain icon"
                aria-label={`Delete the view ${view.name}`}
                onClick={() => remove.mutate(view.id)}
              >
                <Icon name="close" size={14} />
              </button>
            )}
          </div>
        ))}
        {views.data?.length === 0 && (
          <span className="quiet small">No view of this page is saved yet.</span>
        )}
        {may && (
          <form
            className="row divided"
            onSubmit={(event) => {
              event.preventDefault();
              const name = String(new FormData(event.currentTarget).get('name') ?? '').trim();
              if (name !== '') save.mutate(name);
              event.currentTarget.reset();
            }}
          >
            <input
              name="name"
              className="input"
              aria-label="Name of the view"
              placeholder="Save this view as …"
            />
            <button type="submit" className="button">
              Save
            </button>
          </form>
        )}
        <button
          type="button"
          className="option"
          onClick={() =>
            void navigator.clipboard.writeText(location.href).then(
              () => toast('Copied the address of this view'),
              () => toast('The browser did not allow it'),
            )
          }
        >
          Copy the address
        </button>
        {(save.isError || remove.isError || makeDefault.isError) && (
          <Problem error={save.error ?? remove.error ?? makeDefault.error} />
        )}
      </div>
    </Menu>
  );
}
