/** Strokes of 16 × 16 icons; beside each stands a text, so all are hidden from screen readers. */
const ICONS = {
  overview: 'M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5h-4.5zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5h-4.5z',
  accounts: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c.4-3 2.6-4.5 5.5-4.500s5.1 1.5 5.5 4.5',
  profiles:
    'M2 3.500h12v9h-12zM5.5 8.200a1.4 1.4 0 1 0 0-2.8 1.4 1.4 0 0 0 0 2.800zM3.8 10.700c.3-1 .9-1.4 1.7-1.400s1.4.4 1.7 1.400M9.5 6.500h2.500M9.5 9.500h2.5',
  disconnects:
    'M6.5 5.5 4.3 7.700a2.5 2.5 0 0 0 3.5 3.500M9.5 10.500l2.2-2.200a2.5 2.5 0 0 0-3.5-3.500M2.5 2.500l11 11',
  connections: 'M6 2v3M10 2v3M4 5h8v3a4 4 0 0 1-8 0zM8 12v2.5',
  providers: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01',
  webhooks: 'M3 8h7M7 4.5 10.5 8 7 11.500M13 3v10',
  findings: 'M3.5 14V2.500h8.500l-2 3 2 3h-8.5',
  keys: 'M5 13.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM6.9 9.1 13.5 2.500M11 5l2 2',
  teams:
    'M6 7.500a2.2 2.2 0 1 0 0-4.5 2.2 2.2 0 0 0 0 4.500zM1.8 13c.3-2.4 2-3.6 4.2-3.600s3.9 1.2 4.2 3.600M10.5 3.300a2.2 2.2 0 0 1 0 4M11.8 9.600c1.4.5 2.2 1.6 2.4 3.4',
  audit: 'M3.5 2h9v12h-9zM6 5.500h4M6 8h4M6 10.500h2.5',
  sessions: 'M2 3h12v8h-12zM5.5 13.500h5',
  search: 'M7 11.500a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3 14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.5 6.5 12 13 4.5',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4 6 8l4 4',
  download: 'M8 2.500v7M5 7l3 3 3-3M3 13h10',
  refresh: 'M13 8a5 5 0 1 1-1.5-3.500M13 2.500v3h-3',
  columns: 'M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10',
  bookmark: 'M4 2.500h8v11L8 10.500l-4 3z',
  copy: 'M5.5 5.500h8v8h-8zM3 10.500h-.5v-8h8V3',
  print: 'M4.5 6V2.500h7V6M4.5 11.500h-2v-5h11v5h-2M4.5 9.500h7v4h-7z',
  plus: 'M8 3v10M3 8h10',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  menu: 'M2.5 4.500h11M2.5 8h11M2.5 11.500h11',
  sun: 'M8 10.800a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.600zM8 1.500v1M8 13.500v1M1.5 8h1M13.5 8h1M3.4 3.400l.7.7M11.9 11.900l.7.7M3.4 12.600l.7-.7M11.9 4.100l.7-.7',
  external: 'M6.5 3.500h-3v9h9v-3M9 2.500h4.500V7M13 3 7.5 8.5',
  healthy: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM5.3 8.200l1.9 1.9 3.5-4',
  warning: 'M8 2.2 14.3 13.300H1.700zM8 6.500v3M8 11.500h.01',
  unhealthy: 'M5.5 2h5L14 5.500v5L10.5 14h-5L2 10.500v-5zM6 6l4 4M10 6l-4 4',
  unknown:
    'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.3 6.300c.1-1 .8-1.5 1.7-1.5 1 0 1.7.6 1.7 1.5 0 1.3-1.7 1.3-1.7 2.500M8 11.200h.01',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.800V8l2.2 1.5',
  pause: 'M5.5 3.500v9M10.5 3.500v9',
  play: 'M5 3l8 5-8 5z',
} as const;
export type IconName = keyof typeof ICONS;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === 'more' ? 2 : 1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={ICONS[name]} />
    </svg>
  );
}
