/**
 * What `n8n export:entities` makes: a zip with a file `<table>.jsonl` for each table of the database, and `<table>.2.jsonl` and so on after 500 rows
 * (`export.service.ts` of 2.41). Its lines are encrypted with the key of that n8n, or one that was given, so only `n8n import:entities` reads them.
 * Here it is recognised, and its list is read, which stands at the end of a zip (APPNOTE.TXT of PKWARE, 4.3.12 and 4.3.16).
 */
import { BackupError, listed } from '../errors';
import type { FileFormat } from '../verify/system';

const LOCAL_HEADER = 0x04034b50;
const LIST_ENTRY = 0x02014b50;
const LIST_END = 0x06054b50;
/** Bytes of the end of the list, and of what stands before a name in it and in front of a member. */
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;

/** Bytes at the end that are kept while it is read: a list has some hundred entries. */
const KEPT = 4 * 1024 * 1024;

const MEMBER = /^([A-Za-z0-9_-]+)(?:\.\d+)?\.jsonl$/;

export const entitiesFile: FileFormat = {
	form: 'entities of n8n',
	recognise: (head) => head.length > LOCAL_BYTES && head.readUInt32LE(0) === LOCAL_HEADER && isMember(firstName(head)),
	check: async (content, { found }) => {
		const { tail, total } = await endOf(content);
		const names = listIn(tail, total);
		const others = names.filter((name) => !isMember(name));
		if (others.length > 0) {
			found({
				severity: 'error',
				message: `It holds what n8n does not export: ${listed(others.map((name) => JSON.stringify(name.slice(0, 60))))}.`,
			});
		}
		found({
			severity: 'inconclusive',
			message: 'Its list of tables is whole. What stands in them was not looked at: it is encrypted with a key of n8n.',
			hint: 'n8n import:entities reads it. Back Up Instance makes a backup that can be verified.',
		});
		const tables = new Set(names.flatMap((name) => MEMBER.exec(name)?.[1] ?? []));
		return { counts: { tables: tables.size, files: names.length } };
	},
};

function isMember(name: string): boolean {
	return MEMBER.test(name);
}

function firstName(head: Buffer): string {
	return head.subarray(LOCAL_BYTES, LOCAL_BYTES + head.readUInt16LE(26)).toString('latin1');
}

/** Reads all of it. */
async function endOf(content: AsyncIterable<Uint8Array>): Promise<{ tail: Buffer; total: number }> {
	let total = 0;
	let kept: Uint8Array[] = [];
	let bytes = 0;
	const join = () => Buffer.concat(kept).subarray(-KEPT);
	for await (const chunk of content) {
		total += chunk.length;
		bytes += chunk.length;
		kept.push(Uint8Array.from(chunk));
		if (bytes < 2 * KEPT) continue;
		kept = [join()];
		bytes = KEPT;
	}
	return { tail: join(), total };
}

/** The names of the members. @throws BackupError ARCHIVE_INCOMPLETE, ARCHIVE_CORRUPT */
function listIn(tail: Buffer, total: number): string[] {
	const end = tail.length - END_BYTES;
	if (end < 0 || tail.readUInt32LE(end) !== LIST_END) {
		throw new BackupError('ARCHIVE_INCOMPLETE', 'The zip has no list at its end.', {
			hint: 'The file was cut off. Fetch it again, or choose another one.',
		});
	}
	const count = tail.readUInt16LE(end + 10);
	const length = tail.readUInt32LE(end + 12);
	const start = end - length;
	if (start < 0 || tail.readUInt32LE(end + 16) !== total - END_BYTES - length) throw damagedList();
	const names: string[] = [];
	let at = start;
	while (at + ENTRY_BYTES <= end && tail.readUInt32LE(at) === LIST_ENTRY) {
		const [name, extra, comment] = [28, 30, 32].map((field) => tail.readUInt16LE(at + field)) as [
			number,
			number,
			number,
		];
		names.push(tail.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + name).toString('utf8'));
		at += ENTRY_BYTES + name + extra + comment;
	}
	if (at !== end || names.length !== count) throw damagedList();
	return names;
}

function damagedList(): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', 'The list at the end of the zip does not fit what stands before it.', {
		hint: 'Do not rely on it. Fetch it again, or choose another one.',
	});
}
