import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { InProcessN8n } from './in-process';
import type { NodeHost } from './workflow';

let loaded: Promise<InProcessN8n> | undefined;

/** n8n's execution engine, loaded once for each process. */
export async function inProcessN8n(): Promise<InProcessN8n> {
	return await (loaded ??= InProcessN8n.load());
}

/** A fresh folder in which nodes may read and write. */
export function freshFilesFolder({ connection }: Pick<NodeHost, 'connection'>): string {
	const folder = join(connection.filesFolder, randomBytes(6).toString('hex'));
	mkdirSync(folder);
	return folder;
}
