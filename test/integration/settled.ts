import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { readState, stateOf } from '../../engine/tree/folder';

/** Waits until no file of a folder is so new that the next backup would read it again: see engine/tree/folder/state.ts. */
export async function settled(root: string): Promise<void> {
	const files = [...statsIn(Buffer.from(root))];
	while (files.some((file) => readState(file, Date.now()) !== stateOf(file))) await sleep(20);
}

function* statsIn(folder: Buffer): Generator<BigIntStats> {
	for (const name of readdirSync(folder, { encoding: 'buffer' })) {
		const file = Buffer.concat([folder, Buffer.from('/'), name]);
		const stat = lstatSync(file, { bigint: true });
		yield stat;
		if (stat.isDirectory()) yield* statsIn(file);
	}
}
