import { spawn } from 'node:child_process';

import { expect, it } from 'vitest';

import { collect, temporaryStorage } from '../../integration/archive/support';

it('memory does not grow with an archive (invariant 7): 1 GiB each way stays in a process of bounded size', async () => {
	const { root } = temporaryStorage();
	const child = spawn(
		process.execPath,
		[
			'--max-old-space-size=64',
			'--import',
			'./scripts/typescript-hooks.mjs',
			'test/system/archive/large-round-trip.ts',
			root,
		],
		{ stdio: ['ignore', 'pipe', 'inherit'] },
	);
	const result = JSON.parse(String(await collect(child.stdout))) as {
		raw: number;
		readBack: number;
		peakMegabytes: number;
	};
	expect(result).toMatchObject({ raw: 2 ** 30, readBack: 2 ** 30 });
	expect(result.peakMegabytes).toBeLessThan(250);
});
