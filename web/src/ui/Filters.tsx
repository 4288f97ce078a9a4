import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { Query } from '../lib/api';
import { useKeys } from '../lib/keys';
import { Icon } from './Icon';
import { Menu } from './Menu';
import { words } from './Status';
import { focusRow } from './Table';

export interface Filter {
  /** The API's parameter. */
  readonly name: string;
  readonly label: string;
  /** What can be chosen; left out, it is typed. */
  readonly options?: readonly string[];
  /** Of options: exactly one. */
  readonly isSingle?: boolean;
  /** Shown as its button only once it is set: links set it. */
  readonly isHidden?: boolean;
}

const TYPING_MS = 250;

/** A text that waits until typing rests. */
function SearchBox({
  label,
  value,
  change,
}: {
  readonly label: string;
  readonly value: string;
  readonly change: (value: string) => void;
}) {
  const [text, setText] = useState(value);
  const box = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => box.current?.focus() });
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => change(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, value, change]);
  return (
    <label className="search">
      <span className="sr-only">{label}</span>
      <Icon name="search" />
      <input
        ref={box}
        type="search"
        className="input"
        placeholder={label}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          // On to what was found, where j, k and x work.
          if (event.key === 'Enter') focusRow(document.querySelector('.table-scroll tbody tr'));
        }}
      />
      <span className="kbd" aria-hidden="true">
        /
      </span>
    </label>
  );
}

const valuesOf = (query: Query, name: string): readonly string[] =>
  (query[name] ?? '').split(',').filter((value) => value !== '');

/** Filters as they stand in the address: one search box, a menu each, and chips of what is set. */
export function Filters({
  filters,
  search,
  query,
  change,
}: {
  readonly filters: readonly Filter[];
  /** The parameter of the search box and its label. */
  readonly search: { readonly name: string; readonly label: string } | undefined;
  readonly query: Query;
  readonly change: (changed: Query) => void;
}) {
  const latest = useRef(change);
  latest.current = change;
  const [isOpen, open] = useState(false);
  const searchName = search?.name;
  const [onSearch] = useState(
    () => (text: string) =>
      searchName !== undefined && latest.current({ [searchName]: text || undefined }),
  );
  const set = filters.filter(({ name }) => query[name]);
  const labels = Object.keys(query).filter((name) => /^label\[/.test(name) && query[name]);
  const clear = () =>
    change(
      Object.fromEntries(
        [...set.map(({ name }) => name), ...labels, searchName ?? ''].map((name) => [
          name,
          undefined,
        ]),
      ),
    );
  return (
    <div className={isOpen ? 'filters is-open no-print' : 'filters no-print'}>
      <div className="row wrap">
        {search && (
          <SearchBox label={search.label} value={query[search.name] ?? ''} change={onSearch} />
        )}
        {filters.length > 0 && (
          <button
            type="button"
            className="button filters-toggle"
            aria-expanded={isOpen}
            onClick={() => open(!isOpen)}
          >
            Filters
            {set.length > 0 && <span className="count">{set.length}</span>}
            <Icon name="down" size={12} />
          </button>
        )}
        {filters
          .filter((filter) => !filter.isHidden)
          .map((filter) => (
            <FilterMenu key={filter.name} filter={filter} query={query} change={change} />
          ))}
      </div>
      {(set.length > 0 || labels.length > 0) && (
        <div className="row wrap tight">
          {[...set, ...labels.map((name) => ({ name, label: name }))].map(({ name, label }) => (
            <span key={name} className="chip">
              <span className="quiet">{label}</span>
              <span className="truncate">{valuesOf(query, name).map(words).join(', ')}</span>
              <button
                type="button"
                aria-label={`Remove the filter ${label}`}
                onClick={() => change({ [name]: undefined })}
              >
                <Icon name="close" size={12} />
              </button>
            </span>
          ))}
          <button type="button" className="button plain" onClick={clear}>
            Clear filters
          </button>
        </div>
      )}
    </div>
  );
}

function FilterMenu({
  filter: { name, label, options, isSingle = false },
  query,
  change,
}: {
  readonly filter: Filter;
  readonly query: Query;
  readonly change: (changed: Query) => void;
}) {
  const values = valuesOf(query, name);
  const button = (
    <>
      {label}
      {values.length > 0 && <span className="count">{values.length}</span>}
      <Icon name="down" size={12} />
    </>
  );
  if (options === undefined) return <TextFilter {...{ name, label, query, change, button }} />;
  const toggle = (option: string) => {
    const without = values.filter((value) => value !== option);
    const chosen = values.includes(option) ? without : [...(isSingle ? [] : values), option];
    change({ [name]: chosen.join(',') || undefined });
  };
  return (
    <Menu label={button}>
      <fieldset className="options">
        <legend className="sr-only">{label}</legend>
        {options.map((option) => (
          <label key={option} className="option">
            <input
              type="checkbox"
              checked={values.includes(option)}
              onChange={() => toggle(option)}
            />
            {words(option)}
          </label>
        ))}
      </fieldset>
    </Menu>
  );
}

function TextFilter({
  name,
  label,
  query,
  change,
  button,
}: {
  readonly name: string;
  readonly label: string;
  readonly query: Query;
  readonly change: (changed: Query) => void;
  readonly button: ReactNode;
}) {
  return (
    <Menu label={button}>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          const given = new FormData(event.currentTarget).get('value');
          change({ [name]: String(given ?? '').trim() || undefined });
        }}
      >
        <input
          key={query[name]}
          name="value"
          className="input"
          aria-label={label}
          defaultValue={query[name] ?? ''}
        />
        <button type="submit" className="button">
          Apply
        </button>
      </form>
    </Menu>
  );
}
