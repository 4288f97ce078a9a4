export * from '../lib/instant.js';
export * from './account.js';
export * from './account-columns.js';
export * from './adapter.js';
export * from './credentials.js';
export * from './expiry.js';
export * from './id-scope.js';
export * from './next-page.js';

export * from './observed-account.js';
export * from './profile-url.js';
export * from './provider-error.js';
export * from './record-of.js';
export * from './role.js';
export * from './wire.js';
