/** The public API of n8n, version 1. */
export type { CredentialName, DataTable, DataTableRow, ListedWorkflow, Variable, WholeWorkflow } from './answers';
export { N8nApi } from './client';
export type { N8nApiConnection } from './connection';
export { isNotFound, isUnlicensed } from './failure';
