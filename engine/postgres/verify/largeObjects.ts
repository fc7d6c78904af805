import type { ManifestPart } from '../../archive';
import type { CheckContext } from '../../verify/types';
import { lexScript } from '../script';

const PUT = /^SELECT pg_catalog\.lo_put\(\d+, \d+, pg_catalog\.decode\('/;
const PUT_ENDS = "', 'hex'))";

/** The contents of large objects: statements that put pieces of them back, as many as the manifest says, and nothing else. */
export class LargeObjectContents {
	constructor(readonly context: CheckContext) {}

	/** @throws BackupError as lexScript does; what the source throws */
	async read({ offset, rows }: ManifestPart, frame: AsyncIterable<Uint8Array>): Promise<void> {
		const { signal } = this.context;
		let pieces = 0;
		for await (const item of lexScript(frame, signal ? { signal } : {})) {
			const isPut = item.type === 'statement' && PUT.test(item.text) && item.text.endsWith(PUT_ENDS);
			if (!isPut) return this.#error('Among the contents of large objects stands something else.');
			pieces++;
		}
		if (rows === undefined || pieces === rows) return;
		this.#error(`A frame of large objects (at byte ${offset}) holds ${pieces} pieces; the manifest says ${rows}.`);
	}

	#error(message: string): void {
		this.context.found({ severity: 'error', message, hint: 'Do not rely on it. Make a new backup.' });
	}
}
