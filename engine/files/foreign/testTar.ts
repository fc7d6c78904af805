/**
 * Restores a tar of others for a test, and compares what stands there with the tar, which is read a third time for that: files by their
 * bytes, links by what they lead to. A hole of a sparse file is not read: it may be larger than any disk.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import { Selection, shownName } from '../../tree';
import { FilesTarget, Hole, pathOf } from '../../tree/folder';
import { fileContent, storedContent } from './content';
import { foreignMember } from './member';
import { type ForeignTar, walkForeign } from './open';
import { anotherFile, writeTar } from './restoreTar';
import { type Survey, surveyTar } from './survey';

export interface TestTarOptions {
	tar: ForeignTar;
	/** Absolute; empty, or not there yet. */
	root: string;
	/** Called for what did not come back as it is in the tar. */
	differs: (name: string, message: string) => void;
	/** Called once when all of it was written. */
	onRestored: () => void;
	signal: AbortSignal;
}

/**
 * @returns what was compared, and what was left out of the restore: whole sentences
 * @throws BackupError as restoreTar does
 */
export async function testTar(options: TestTarOptions): Promise<{ files: number; bytes: number; warnings: string[] }> {
	const { tar, root, onRestored, signal } = options;
	const existing = 'fail';
	const target = new FilesTarget({ root, existing, modes: false });
	try {
		const survey = await surveyTar({ tar, target, selection: new Selection(), existing, signal });
		await writeTar({ tar, existing }, survey, target, signal);
		onRestored();
		await compareLinks(options, survey);
		return { ...(await compareFiles(options, survey)), warnings: survey.leftOut.warnings };
	} finally {
		await target.close();
	}
}

async function compareLinks({ root, differs, signal }: TestTarOptions, { links }: Survey): Promise<void> {
	const standing = new FilesTarget({ root, existing: 'skip' });
	try {
		for (const link of links) {
			signal.throwIfAborted();
			if ((await standing.look(link)) === 'same') continue;
			differs(link.name, `The link ${shownName(link.name)} does not come back as it is in the tar.`);
		}
	} finally {
		await standing.close();
	}
}

async function compareFiles(
	{ tar, root, differs, signal }: TestTarOptions,
	{ records, standIns }: Survey,
): Promise<{ files: number; bytes: number }> {
	const counts = { files: 0, bytes: 0 };
	let ordinal = 0;
	await walkForeign(
		tar,
		async (member, cursor) => {
			const { facts } = foreignMember(member);
			const at = ordinal++;
			if (!records.hasFacts(at, facts)) throw anotherFile(tar.name);
			if (facts?.type !== 'file') return;
			const name = records.isWanted(at) ? facts.name : standIns.get(at);
			if (name === undefined) return;
			counts.files++;
			counts.bytes += facts.size;
			const content = fileContent(storedContent(cursor, member), member);
			if (await stands(pathOf(Buffer.from(root), name), facts.size, content)) return;
			differs(name, `${shownName(name)} does not come back with the content that it has in the tar.`);
		},
		signal,
	);
	return counts;
}

/** Whether a file stands there with this content. */
async function stands(file: Buffer, size: number, content: AsyncIterable<Uint8Array | Hole>): Promise<boolean> {
	const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		if ((await handle.stat()).size !== size) return false;
		let position = 0;
		for await (const piece of content) {
			if (!(piece instanceof Hole)) {
				const found = Buffer.allocUnsafe(piece.length);
				for (let filled = 0; filled < found.length;) {
					const { bytesRead } = await handle.read(found, filled, found.length - filled, position + filled);
					if (bytesRead === 0) return false;
					filled += bytesRead;
				}
				if (!found.equals(piece)) return false;
			}
			position += piece.length;
		}
		return true;
	} finally {
		await handle.close();
	}
}
