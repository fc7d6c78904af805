import { expect, it } from 'vitest';

import type { RestoreSource, SourceFacts } from '../../../../engine/postgres/restore/source/source';
import { TappedSource } from '../../../../engine/postgres/verify/tappedSource';

const FACTS = {} as SourceFacts;

async function* chunks(...texts: string[]) {
	for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

const SOURCE: RestoreSource = {
	inspect: () => Promise.resolve(FACTS),
	steps: async function* () {
		const place = { number: 1, rank: 1 };
		const statement = 'COPY public.t (a) FROM stdin';
		yield await Promise.resolve({
			type: 'copy',
			statement,
			comment: '',
			rows: chunks('1\n2', '\n3\n'),
			table: 'public\0t',
			place,
		});
	},
};

it.each([
	['not at all, for they are to come again', () => Promise.resolve()],
	[
		'to their end',
		async (rows: AsyncIterable<Buffer>) => {
			for await (const chunk of rows) void chunk;
		},
	],
	[
		'in part, for they were refused',
		async (rows: AsyncIterable<Buffer>) => {
			for await (const chunk of rows) if (chunk.length > 0) break;
		},
	],
])('rows that come as a stream are digested whole where a restore reads them %s', async (_, read) => {
	const tapped = new TappedSource(SOURCE);
	for await (const step of tapped.steps({}))
		if (step.type === 'copy' && !Buffer.isBuffer(step.rows)) await read(step.rows);
	expect(tapped.tables.get('public\0t')?.digest.rows).toBe(3);
});
