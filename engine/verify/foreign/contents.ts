import type { CheckContext } from '../types';
import { checkCustomArchive, checkScript } from './dumps';
import { checkJson } from './json';
import { walkForeignTar } from './tar';
import { unwrap, type Unwrapped } from './unwrap';

export interface ContentsReport {
	/** `plain SQL dump`. */
	form: string;
	counts: Record<string, number>;
	/** A tar that has to be looked at as a snapshot, too. */
	isSnapshot: boolean;
	/** Bytes of rows and large objects of a dump that is compressed inside. */
	unpackedBytes?: number;
	/** Of the server that a dump is of: `server_version_num`, exact as to the major version. */
	version?: number | undefined;
}

/**
 * Checks what an unpacked file holds, to its end. Problems within it are found; what makes the rest unreadable is thrown.
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, INVALID_INPUT; what the stream throws
 */
export async function checkUnwrapped(
	{ kind, stream }: Pick<Unwrapped, 'kind' | 'stream'>,
	context: CheckContext,
): Promise<ContentsReport> {
	switch (kind) {
		case 'plain':
			return { form: FORMS.plain, isSnapshot: false, ...(await checkScript(stream, context)) };
		case 'custom':
			return { form: FORMS.custom, isSnapshot: false, ...(await checkCustomArchive(stream, context)) };
		case 'json': {
			const { workflows, elements, problems } = await checkJson(stream);
			for (const problem of problems) context.found({ severity: 'error', ...problem });
			const counts: Record<string, number> =
				workflows !== undefined ? { workflows } : elements !== undefined ? { elements } : {};
			return { form: workflows === undefined ? FORMS.json : 'workflows of n8n', counts, isSnapshot: false };
		}
		case 'tar': {
			const { members, bytes, looksLikeDump, looksLikeSnapshot } = await walkForeignTar(stream);
			const form = looksLikeDump ? 'dump in tar format' : looksLikeSnapshot ? 'snapshot of Qdrant' : FORMS.tar;
			return { form, counts: { members, bytes }, isSnapshot: looksLikeSnapshot };
		}
	}
}

/** What a file of a kind is called as long as no more is known of it. */
export const FORMS: Record<Unwrapped['kind'], string> = {
	plain: 'plain SQL dump',
	custom: 'dump in custom format',
	json: 'JSON',
	tar: 'tar archive',
};

/** As a KindCheck: recognises what comes, and checks it. Answers counts. */
export async function checkContents(
	raw: AsyncIterable<Uint8Array>,
	context: CheckContext,
): Promise<Record<string, number>> {
	return (await checkUnwrapped(await unwrap(raw, undefined, context.signal), context)).counts;
}
