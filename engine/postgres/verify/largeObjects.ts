import type { ManifestPart } from '../../archive';
import { throwIfCancelled } from '../../errors';
import type { CheckContext } from '../../verify/types';
import { largeObjectPieces } from '../largeObjectFrame';

/** The contents of large objects: statements that put pieces of them back, as many as the manifest says, and nothing else. */
export class LargeObjectContents {
	constructor(readonly context: CheckContext) {}

	/** @throws BackupError ARCHIVE_CORRUPT where something else stands there; what the source throws */
	async read({ offset, rows }: ManifestPart, frame: AsyncIterable<Uint8Array>): Promise<void> {
		const { found, signal } = this.context;
		let pieces = 0;
		for await (const piece of largeObjectPieces(frame)) {
			throwIfCancelled(signal);
			void piece;
			pieces++;
		}
		if (rows === undefined || pieces === rows) return;
		const message = `A frame of large objects (at byte ${offset}) holds ${pieces} pieces; the manifest says ${rows}.`;
		found({ severity: 'error', message, hint: 'Do not rely on it. Make a new backup.' });
	}
}
