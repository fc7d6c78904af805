/** n8n itself. */
export { isUnlicensed, N8nApi, type N8nApiConnection } from './api';
export * from './instance';
export * from './preflight';
export { n8nSystem } from './system';
export * from './workflows';
