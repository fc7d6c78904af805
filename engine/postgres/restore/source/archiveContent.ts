import type { ArchiveReader, Manifest, ManifestPart } from '../../../archive';
import { BackupError } from '../../../errors';
import type { CheckContext, Finding } from '../../../verify/types';
import { tablesIn } from '../../rowParts';
import { tableKey } from '../../statements/tokens';
import { type ContentListeners, DumpCheck } from '../../verify/content';

import { checkedStream } from './checkedStream';
import type { SelectionFilter } from './selection';

/** At most as many findings are named in one error. */
const NAMED = 5;

/** Checks the content of an archive as it comes, as a verification does: see SystemKind. */
type Check = (raw: AsyncIterable<Uint8Array>, manifest: Manifest, context: CheckContext) => Promise<unknown>;

/**
 * Takes down what a content check finds in an archive of ours, for a restore, which goes on with nothing that a verification
 * would have called bad.
 */
class ContentFindings {
	readonly context: CheckContext;
	readonly #wrong: Array<Omit<Finding, 'level'>> = [];

	constructor(
		readonly manifest: Manifest,
		signal?: AbortSignal,
	) {
		const found = (finding: Omit<Finding, 'level'>) => {
			if (finding.severity !== 'warning' && this.#wrong.length < NAMED) this.#wrong.push(finding);
		};
		this.context = { found, log: () => {}, ...(signal && { signal }) };
	}

	/** @throws BackupError ARCHIVE_CORRUPT, or UNSUPPORTED_VERSION where a later version wrote it, once something was found */
	assertNone(): void {
		const [first] = this.#wrong;
		if (!first) return;
		const messages = this.#wrong.map(({ part, message }) => (part === undefined ? message : `${part}: ${message}`));
		const isBad = this.#wrong.some(({ severity }) => severity === 'error');
		throw new BackupError(
			isBad ? 'ARCHIVE_CORRUPT' : 'UNSUPPORTED_VERSION',
			`The content of ${this.manifest.file} is not what was backed up: ${messages.join(' ')} Nothing was changed.`,
			{
				hint: isBad ? 'Choose another backup: this one was edited after it was made, or badly written.' : first.hint,
			},
		);
	}
}

/**
 * Checks the parts of a database's archive one by one, as the verification level `content` does: nothing stands in them that
 * we do not write, and all is there that the manifest counts.
 */
export class PartCheck {
	readonly #findings: ContentFindings;
	readonly #dump: DumpCheck;
	/** Indexes of tables with rows that the target refused before they were read to their end. */
	readonly #refused = new Set<number>();

	/** @throws BackupError ARCHIVE_CORRUPT where the parts are not in order, UNSUPPORTED_VERSION where some are unknown */
	constructor(manifest: Manifest, listeners: ContentListeners, signal?: AbortSignal) {
		this.#findings = new ContentFindings(manifest, signal);
		this.#dump = new DumpCheck(manifest, this.#findings.context, listeners);
		this.#findings.assertNone();
	}

	/**
	 * Reads a part to its end. @throws BackupError ARCHIVE_CORRUPT where it is not what was backed up, and as the reader does
	 */
	async read(part: ManifestPart, raw: Buffer | AsyncIterable<Buffer>): Promise<void> {
		await this.#dump.part(part, Buffer.isBuffer(raw) ? one(raw) : raw);
		this.#findings.assertNone();
	}

	/**
	 * As read, for a part that is to be used: a buffer is checked before it is returned, a stream as it is being read.
	 */
	async passOn(
		part: ManifestPart,
		raw: Buffer | AsyncIterable<Buffer>,
	): Promise<Buffer | AsyncGenerator<Buffer, void, undefined>> {
		if (!Buffer.isBuffer(raw)) return this.#streamed(part, raw);
		await this.read(part, raw);
		return raw;
	}

	async *#streamed(part: ManifestPart, raw: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
		let complete = false;
		try {
			yield* checkedStream(
				raw,
				(bytes) => this.#dump.part(part, bytes),
				() => this.#findings.assertNone(),
			);
			complete = true;
		} finally {
			if (!complete) for (const table of tablesIn(part)) this.#refused.add(table);
		}
	}

	/** To be called once all scripts were read. @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE */
	assertScriptComplete(): void {
		this.#dump.assertScriptComplete();
		this.#findings.assertNone();
	}

	/**
	 * Compares what was read with what the manifest counts.
	 * @param filter whose tables were read
	 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE
	 */
	finish(filter: SelectionFilter): void {
		this.#dump.finish(
			({ schema, name }, index) => filter.wantsTable(tableKey(schema, name)) && !this.#refused.has(index),
		);
		this.#findings.assertNone();
	}
}

/** A buffer as a stream. */
export async function* one(buffer: Buffer): AsyncGenerator<Buffer> {
	yield await Promise.resolve(buffer);
}

/**
 * Reads an archive of ours from end to end and checks it as the verification level `content` does: its bytes are those that
 * were stored, its script is complete to its closing line, all is there that the manifest counts, and nothing stands in it
 * that we do not write.
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, UNSUPPORTED_VERSION (a later version wrote it), those of the
 * reader and of the check
 */
export async function assertWholeContent(reader: ArchiveReader, check: Check, signal?: AbortSignal): Promise<void> {
	const findings = new ContentFindings(reader.manifest, signal);
	const raw = reader.raw(signal);
	try {
		await check(raw as AsyncIterable<Uint8Array>, reader.manifest, findings.context);
	} finally {
		raw.destroy();
	}
	findings.assertNone();
}
