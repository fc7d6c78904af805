/**
 * The forms of file that can be verified: tar archives and JSON, which every program writes, and those that the systems
 * bring. A file is recognised by its first bytes behind compression and encryption. What a tar is, only its members show; so
 * each form of tar that a system knows looks at the tar while it is walked, and the file is read once.
 */
import { type DecryptionKeys, decryptMessage, unpack, type Wrapper } from '../../archive';
import { BackupError } from '../../errors';
import { isTar } from '../../tar';
import type { BackupSystem, CheckedFile, Counts, FileFormat, TarFormat, TarInspection } from '../system';
import type { CheckContext } from '../types';
import { elementsOfJson } from './json';
import { walkForeignTar } from './tar';

/** A file whose form was recognised. */
export interface RecognisedFile {
	format: FileFormat;
	/** Outermost first. */
	wrappers: Wrapper[];
	/** The content, from its first byte. Ends with the errors of its source and of its wrappers. */
	stream: AsyncIterable<Uint8Array>;
}

/**
 * Looks into a stream, and through compression and encryption around it.
 * @throws BackupError INVALID_INPUT for a form that nobody knows, with what it seems to be; and as unpack does
 */
export async function recogniseFile(
	systems: readonly BackupSystem[],
	source: AsyncIterable<Uint8Array>,
	keys: DecryptionKeys | undefined,
	signal: AbortSignal | undefined,
): Promise<RecognisedFile> {
	const decrypt = (message: AsyncIterable<Uint8Array>) => decryptMessage(message, keys ?? {}, signal);
	const { wrappers, head, stream } = await unpack(source, { decrypt, signal });
	return { format: recognise(formatsOf(systems), head), wrappers, stream };
}

/**
 * Recognises what comes and checks it, for archives of kinds that no system brings.
 * @throws BackupError as recogniseFile and FileFormat.check do
 */
export async function checkContents(
	systems: readonly BackupSystem[],
	raw: AsyncIterable<Uint8Array>,
	context: CheckContext,
): Promise<Counts> {
	const { format, stream } = await recogniseFile(systems, raw, undefined, context.signal);
	return (await format.check(stream, context)).counts;
}

function formatsOf(systems: readonly BackupSystem[]): FileFormat[] {
	const files = systems.flatMap((system) => (system.files ?? []).map((format) => ofSystem(system, format)));
	// What systems know of JSON, they know better.
	return [tarOf(systems), ...files, JSON_FILE];
}

function recognise(formats: readonly FileFormat[], head: Buffer): FileFormat {
	const refusals: unknown[] = [];
	for (const format of formats) {
		try {
			if (format.recognise(head)) return format;
		} catch (error) {
			// Another format may still know it. Otherwise this error says best what to do.
			refusals.push(error);
		}
	}
	if (refusals.length > 0) throw refusals[0];
	throw new BackupError('INVALID_INPUT', 'The file is of a form that is not known here.', {
		hint: 'Dumps and snapshots of the systems that are backed up, tar archives and JSON can be verified, packed or not.',
	});
}

function ofSystem(system: BackupSystem, format: FileFormat): FileFormat {
	return {
		form: format.form,
		recognise: (head) => format.recognise(head),
		check: async (content, context) => ({ ...(await format.check(content, context)), system }),
	};
}

const JSON_FILE: FileFormat = {
	form: 'JSON',
	/** By how an array or an object begins, behind a byte order mark and white space. */
	recognise: (head) =>
		/^(?:\xef\xbb\xbf)?\s*(?:\[\s*(?:[{["\]\d-]|true|false|null|$)|\{\s*(?:"|\}|$))/.test(head.toString('latin1')),
	check: async (content): Promise<CheckedFile> => {
		const elements = await elementsOfJson(content);
		return { counts: elements === undefined ? {} : { elements } };
	},
};

function tarOf(systems: readonly BackupSystem[]): FileFormat {
	return {
		form: 'tar archive',
		recognise: isTar,
		check: async (content, context) => {
			const known = systems.flatMap((system) =>
				(system.tars ?? []).map((format) => ({ system, format, inspection: format.inspect(context) })),
			);
			try {
				const counts = await walkForeignTar(content, {
					member: (name, type) => known.forEach(({ inspection }) => inspection.member(name, type)),
					take: async (chunk) => {
						for (const { inspection } of known) await inspection.take?.(chunk);
					},
				});
				return await firstThatKnows(known, { ...counts });
			} finally {
				for (const { inspection } of known) inspection.close?.();
			}
		},
	};
}

async function firstThatKnows(
	known: readonly { system: BackupSystem; format: TarFormat; inspection: TarInspection<unknown> }[],
	counts: Counts,
): Promise<CheckedFile> {
	for (const { system, format, inspection } of known) {
		const checked = await inspection.finish();
		if (checked) return { form: format.form, ...checked, counts: { ...counts, ...checked.counts }, system };
	}
	return { counts };
}
