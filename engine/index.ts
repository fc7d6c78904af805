/** The product without n8n: everything a plain script needs to back up and restore. */
export * from './errors';
export * from './storage';
export * from './archive';
export * from './postgres';
export * from './qdrant';
export * from './retention';
export * from './verify';
