import type { Platform } from './account.js';

/**
 * Networks whose profile addresses follow from the handle alone. Facebook, LinkedIn and Mastodon do
 * not: a page title is no address there. Twitter has been at x.com since May 2024; its former
 * domain only redirects, and is being retired.
 */
const PROFILE_URLS: Readonly<Record<Platform, string>> = {
  bluesky: 'https://bsky.app/profile/',
  instagram: 'https://www.instagram.com/',
  threads: 'https://www.threads.net/@',
  tiktok: 'https://www.tiktok.com/@',
  twitter: 'https://x.com/',
  youtube: 'https://www.youtube.com/@',
};

/**
 * Where people see the profile, when that is certain; else `null`. `username` is a handle without a
 * leading `@`.
 */
export function profileUrl(platform: Platform | null, username: string | null): string | null {
  if (platform === null || username === null || !Object.hasOwn(PROFILE_URLS, platform)) return null;
  return `${PROFILE_URLS[platform]}${encodeURIComponent(username)}`;
}
