import { describe, expect, it } from 'vitest';

import { readWorkflows } from '../../../../engine/n8n/workflows/read';
import { fileOf, tarOf } from '../../../../engine/n8n/workflows/separate';
import { tarEnd, tarHeader, tarPadding } from '../../../../engine/tar';

const workflow = (id: string) => ({ id, name: `Workflow ${id}`, nodes: [], connections: {} });

/** A tar of these files, in pieces. */
function tar(files: Record<string, string>): Buffer {
	const members = Object.entries(files).flatMap(([name, content]) => {
		const { length } = Buffer.from(content);
		return [tarHeader(name, length, new Date(0)), Buffer.from(content), tarPadding(length)];
	});
	return Buffer.concat([...members, tarEnd()]);
}

async function read(content: Buffer | string) {
	const bytes = Buffer.from(content);
	const found: string[] = [];
	const open = () =>
		(async function* () {
			for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
		})();
	const counts = await readWorkflows({ name: 'file', open }, ({ name }, place) => void found.push(`${place}: ${name}`));
	return { found, counts };
}

describe('a file with workflows', () => {
	it('may be a list, or one workflow', async () => {
		const list = JSON.stringify([workflow('a'), workflow('b')], null, 2);
		expect((await read(list)).found).toEqual(['workflow 1: Workflow a', 'workflow 2: Workflow b']);
		expect((await read(JSON.stringify(workflow('a')))).found).toEqual(['workflow 1: Workflow a']);
	});

	it('may be a tar, of whose files those that hold a workflow are read', async () => {
		const files = {
			'./backup/a.json': JSON.stringify(workflow('a')),
			'b.json': JSON.stringify(workflow('b'), null, 2),
			'beside/tags.json': '[{"id":"1","name":"prod"}]',
			'list.json': '[1, 2]',
			'all.json': JSON.stringify([workflow('c'), workflow('d')]),
			'rows.json': '{"a":1}\n{"a":2}\n',
			'other.json': '{"a":1}',
			'readme.txt': 'Read me.',
		};
		const { found, counts } = await read(tar(files));
		expect(found).toEqual([
			'backup/a.json: Workflow a',
			'b.json: Workflow b',
			'all.json, workflow 1: Workflow c',
			'all.json, workflow 2: Workflow d',
		]);
		expect(counts).toEqual({ workflows: 4, others: 3 });
	});

	it('is what a tar of ours holds', async () => {
		const files = async function* () {
			yield fileOf(workflow('a'), '');
			yield fileOf({ ...workflow('../../b'), updatedAt: '2026-01-01T00:00:00.000Z' }, '');
		};
		const pieces: Uint8Array[] = [];
		for await (const piece of tarOf(files(), new Date(0))) pieces.push(piece);
		const { found } = await read(Buffer.concat(pieces));
		expect(found.map((one) => one.split(': ')[1])).toEqual(['Workflow a', 'Workflow ../../b']);
		expect(found.filter((one) => one.includes('/') && one.startsWith('.'))).toEqual([]);
	});

	it.each<[string, Buffer | string, string]>([
		['a zip', Buffer.from('PK\x03\x04 entities'), 'INVALID_INPUT'],
		['a list with something else in it', JSON.stringify([workflow('a'), { a: 1 }]), 'INVALID_INPUT'],
		['a workflow without a name', '[{"nodes":[],"connections":{}}]', 'INVALID_INPUT'],
		['a workflow whose nodes are no objects', '[{"name":"a","nodes":[1],"connections":{}}]', 'INVALID_INPUT'],
		['a list that was cut off', '[{"name":"a","nodes":[],"connec', 'ARCHIVE_INCOMPLETE'],
		['JSON with an error inside', '[{"name":"a",,"nodes":[],"connections":{}}]', 'ARCHIVE_CORRUPT'],
		[
			'text that is no UTF-8',
			Buffer.from([...Buffer.from('[{"name":"'), 0xff, ...Buffer.from('"}]')]),
			'ARCHIVE_CORRUPT',
		],
		['a tar that was cut off', tar({ 'a.json': JSON.stringify(workflow('a')) }).subarray(0, 700), 'ARCHIVE_INCOMPLETE'],
		['a file of a tar that was cut off', tar({ 'a.json': '{"name":"a","nodes":[' }), 'ARCHIVE_INCOMPLETE'],
		['a file of a tar with more behind it', tar({ 'a.json': `${JSON.stringify(workflow('a'))}]` }), 'ARCHIVE_CORRUPT'],
		['a file of a tar too deep to be read', tar({ 'a.json': `{"a":${'['.repeat(2000)}` }), 'INVALID_INPUT'],
		['an empty file', '', 'ARCHIVE_INCOMPLETE'],
	])('is refused: %s', async (_what, content, code) => {
		await expect(read(content)).rejects.toMatchObject({ code });
	});
});
