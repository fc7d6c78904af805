/**
 * Run as a process of its own: a back up into the folder given that never ends, with signs of life, and says when it is at it; of the
 * series given as JSON.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { asBackUp, type BackUpOf, createArchive } from '../../../../engine/archive';
import { FolderStorage } from '../../../../engine/storage/folder';

/** Time goes by a thousand times as fast. */
const clock = {
	now: () => performance.now() * 1000,
	wait: async (milliseconds: number, signal: AbortSignal | undefined) =>
		await sleep(milliseconds / 1000, undefined, { signal }),
};

const SHOP: BackUpOf = { kind: 'postgres', name: 'shop', origin: 'db:5432', isWhole: true };

async function main(root: string, series: BackUpOf): Promise<void> {
	const choices = {
		storage: new FolderStorage({ root }),
		folder: 'postgres',
		run: { workflow: 'Killed', execution: '1', clock, onBeat: () => void process.stdout.write('beat ') },
	};
	await asBackUp(choices, series, async (alone) => {
		const writer = await createArchive({
			...alone,
			name: 'shop',
			extension: 'sql',
			kind: 'postgres',
			codec: { name: 'none' },
		});
		for (;;) {
			await writer.frame({ type: 'data' }, Buffer.alloc(1000));
			await sleep(5);
		}
	});
}

const [, , root = '', series] = process.argv;
void main(root, series === undefined ? SHOP : (JSON.parse(series) as BackUpOf));
