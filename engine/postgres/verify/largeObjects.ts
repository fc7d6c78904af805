import type { CheckContext } from '../../verify/types';
import { lexScript } from '../script';

const PUT = /^SELECT pg_catalog\.lo_put\(\d+, \d+, pg_catalog\.decode\('/;
const PUT_ENDS = "', 'hex'))";

/** The contents of large objects: statements that put pieces of them back, and nothing else. */
export class LargeObjectContents {
	constructor(readonly context: CheckContext) {}

	/** @throws BackupError as lexScript does; what the source throws */
	async read(frame: AsyncIterable<Uint8Array>): Promise<void> {
		const { signal, found } = this.context;
		for await (const item of lexScript(frame, signal ? { signal } : {})) {
			const isPut = item.type === 'statement' && PUT.test(item.text) && item.text.endsWith(PUT_ENDS);
			if (isPut) continue;
			found({
				severity: 'error',
				message: 'Among the contents of large objects stands something else.',
				hint: 'Do not rely on it. Make a new backup.',
			});
			return;
		}
	}
}
