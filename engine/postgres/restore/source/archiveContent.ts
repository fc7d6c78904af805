import type { ArchiveReader, Manifest } from '../../../archive';
import { BackupError } from '../../../errors';
import type { CheckContext, Finding } from '../../../verify/types';

/** Of what is wrong, as many as one error may tell. */
const TOLD = 5;

/** Judges the content as it comes, as a verification does: see KindCheck. */
type Check = (raw: AsyncIterable<Uint8Array>, manifest: Manifest, context: CheckContext) => Promise<unknown>;

/**
 * Reads an archive of ours from end to end and judges it as the verification level `content` does: its bytes are those that
 * were stored, its script is whole to its closing line, all is there that the manifest counts, and nothing stands in it
 * that we do not write. So a restore begins with nothing that a verification would have called bad.
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, UNSUPPORTED_VERSION (a later version wrote it), those of the
 * reader and of the check
 */
export async function assertWholeContent(reader: ArchiveReader, check: Check, signal?: AbortSignal): Promise<void> {
	const wrong: Array<Omit<Finding, 'level'>> = [];
	const found = (finding: Omit<Finding, 'level'>) => {
		if (finding.severity !== 'warning' && wrong.length < TOLD) wrong.push(finding);
	};
	const raw = reader.raw(signal);
	try {
		const context = { found, log: () => {}, ...(signal && { signal }) };
		await check(raw as AsyncIterable<Uint8Array>, reader.manifest, context);
	} finally {
		raw.destroy();
	}
	if (wrong.length === 0) return;
	const messages = wrong.map(({ part, message }) => (part === undefined ? message : `${part}: ${message}`));
	const isBad = wrong.some(({ severity }) => severity === 'error');
	throw new BackupError(
		isBad ? 'ARCHIVE_CORRUPT' : 'UNSUPPORTED_VERSION',
		`The content of ${reader.manifest.file} is not what was backed up: ${messages.join(' ')} Nothing was changed.`,
		{
			hint: isBad ? 'Choose another backup: this one was edited after it was made, or badly written.' : wrong[0]?.hint,
		},
	);
}
