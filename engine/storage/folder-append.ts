/**
 * Lines at the end of a file that people follow. Several processes may append at once: each line is one write to a file that is
 * opened for appending, which the system puts behind whatever stands there. Who finds the file too long puts it aside under
 * `.1`, and what stood there under `.2`; one does it at a time, and who comes meanwhile appends without waiting, so the file
 * may become a few lines longer than was asked for. A line that is written while the file moves lands in the file that moved.
 */
import { constants } from 'node:fs';
import fs from 'node:fs/promises';

import { FILE_MODE, lstatOrNothing, type Place } from './folder-paths';
import type { Rotation } from './storage';

/** Who has died while he put files aside is not waited for any longer. */
const GIVEN_UP_MS = 60_000;

/** Appends one line. @throws system errors as they are; ELOOP where somebody has put a link in the place of the file */
export async function appendLine({ path }: Place, line: string, { maxBytes, files }: Rotation): Promise<void> {
	const text = Buffer.from(`${line.replace(/[\r\n]+/g, ' ')}\n`);
	if (((await lstatOrNothing(path))?.size ?? 0) + text.length > maxBytes)
		await rotate(path, text.length, maxBytes, files);
	const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
	// Neither a link nor a pipe that somebody has put there is written to.
	const handle = await fs.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
	try {
		if (!(await handle.stat()).isFile()) throw Object.assign(new Error('not a plain file'), { code: 'EINVAL' });
		await handle.write(text);
	} finally {
		await handle.close();
	}
}

async function rotate(path: string, coming: number, maxBytes: number, files: number): Promise<void> {
	const marker = `${path}.moving`;
	if (!(await take(marker))) return;
	try {
		// Another one may have done it in the meantime.
		if (((await lstatOrNothing(path))?.size ?? 0) + coming <= maxBytes) return;
		for (let count = files - 1; count > 0; count--) {
			const from = count === 1 ? path : `${path}.${count - 1}`;
			if (await lstatOrNothing(from)) await fs.rename(from, `${path}.${count}`);
		}
	} finally {
		await fs.rm(marker, { force: true });
	}
}

/** Whether this process may put files aside now. */
async function take(marker: string): Promise<boolean> {
	try {
		await (await fs.open(marker, 'wx', FILE_MODE)).close();
		return true;
	} catch {
		const stats = await lstatOrNothing(marker);
		if (stats && Date.now() - stats.mtimeMs > GIVEN_UP_MS) await fs.rm(marker, { force: true });
		return false;
	}
}
