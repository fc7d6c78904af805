import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Where everything goes that the commands fetch for themselves; nothing in it is in git. */
export const cache = join(root, '.cache');

export const n8nFolder = join(cache, 'n8n');
