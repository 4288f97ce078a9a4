export * from './account.js';
export * from './adapter.js';
export * from './provider-error.js';
