export * from './account.js';
export * from './adapter.js';
export * from './profile-url.js';
export * from './provider-error.js';
export * from './wire.js';
