/** What would make a backup of workflows or of a whole n8n fail; and what of n8n cuts off backups of anything. */
export { checkInstance } from './instance';
export { checkN8nApi } from './api';
export { executionLimit, processFindings } from './process';
