import { describe, expect, it } from 'vitest';

import { entitiesFile } from '../../../engine/n8n/entities';
import type { Finding } from '../../../engine/verify/types';

/** A zip of empty members, as APPNOTE.TXT describes it. */
function zipOf(...names: string[]): Buffer {
	const members: Buffer[] = [];
	const list: Buffer[] = [];
	let offset = 0;
	for (const name of names) {
		const local = Buffer.alloc(30);
		local.writeUInt32LE(0x04034b50);
		local.writeUInt16LE(name.length, 26);
		const entry = Buffer.alloc(46);
		entry.writeUInt32LE(0x02014b50);
		entry.writeUInt16LE(name.length, 28);
		entry.writeUInt32LE(offset, 42);
		members.push(local, Buffer.from(name));
		list.push(entry, Buffer.from(name));
		offset += 30 + name.length;
	}
	const listed = Buffer.concat(list);
	const end = Buffer.alloc(22);
	end.writeUInt32LE(0x06054b50);
	end.writeUInt16LE(names.length, 10);
	end.writeUInt32LE(listed.length, 12);
	end.writeUInt32LE(offset, 16);
	return Buffer.concat([...members, listed, end]);
}

async function check(zip: Buffer) {
	const findings: Array<Omit<Finding, 'level'>> = [];
	// In pieces of any size.
	const pieces = async function* () {
		for (let at = 0; at < zip.length; at += 7) yield zip.subarray(at, at + 7);
	};
	const checked = await entitiesFile.check(pieces(), { found: (one) => void findings.push(one), log: () => {} });
	return { counts: checked.counts, findings };
}

const EXPORT = ['migrations.jsonl', 'user.jsonl', 'workflowentity.jsonl', 'workflowentity.2.jsonl'];

describe('what n8n export:entities makes', () => {
	it('is recognised by its first file, and no other zip is', () => {
		expect(entitiesFile.recognise(zipOf(...EXPORT))).toBe(true);
		expect(entitiesFile.recognise(zipOf('photo.jpg'))).toBe(false);
		expect(entitiesFile.recognise(zipOf('../user.jsonl'))).toBe(false);
		expect(entitiesFile.recognise(Buffer.from('PK\x03\x04'))).toBe(false);
	});

	it('is listed, with a word on what was not looked at', async () => {
		expect(await check(zipOf(...EXPORT))).toEqual({
			counts: { tables: 3, files: 4 },
			findings: [
				expect.objectContaining({ severity: 'inconclusive', hint: expect.stringContaining('import:entities') }),
			],
		});
	});

	it('is bad where it holds anything else', async () => {
		const { findings } = await check(zipOf(...EXPORT, '../../etc/passwd'));
		expect(findings[0]).toMatchObject({ severity: 'error', message: expect.stringContaining('"../../etc/passwd"') });
	});

	it('is told from one that was cut off or changed', async () => {
		const zip = zipOf(...EXPORT);
		await expect(check(zip.subarray(0, -10))).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
		await expect(check(zip.subarray(3))).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		const fewer = Buffer.from(zip);
		fewer.writeUInt16LE(9, zip.length - 12);
		await expect(check(fewer)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});
});
