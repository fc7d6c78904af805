import { Readable } from 'node:stream';

import { expect, it } from 'vitest';

import { PlainScript } from '../../../../engine/postgres/import/plainScript';
import { KeptDefinitions } from '../../../../engine/postgres/restore/source/survey';
import { failureOf } from '../../../integration/postgres/engine/support';

const table = (database: number) => `\\connect d${database}\nCREATE TABLE public.t (id int);\n`;

function scriptOf(databases: number) {
	const text = Array.from({ length: databases }, (_, number) => table(number)).join('');
	return new PlainScript(
		'dump.sql',
		() => Promise.resolve(Readable.from([Buffer.from(text)])),
		new KeptDefinitions(2000),
	);
}

it('what is kept of a script has one limit for all of its databases', async () => {
	expect((await scriptOf(5).inspect()).databases).toHaveLength(5);
	const { message } = await failureOf(scriptOf(50).inspect(), 'INVALID_INPUT');
	expect(message).toContain('more than can be kept in memory');
});
