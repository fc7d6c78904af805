import { describe, expect, it } from 'vitest';

import type { Manifest } from '../../../../../engine/archive';
import { formatLsn, segmentName } from '../../../../../engine/postgres/physical/lsn';
import { checkWal } from '../../../../../engine/postgres/physical/verify/wal';
import { tarEnd, tarHeader, tarPadding } from '../../../../../engine/tar';
import type { Finding } from '../../../../../engine/verify';
import { WalBuilder } from '../../../../fixtures/wal';

const MB = 1024 * 1024;
const TIME = Date.UTC(2026, 5, 1);

/** Two whole segments. */
function someWal(): Buffer[] {
	const wal = new WalBuilder();
	while (wal.lsn < 3n * BigInt(MB) + 100n) {
		wal.noise(5000);
		wal.commit(TIME, 9);
	}
	const bytes = wal.bytes();
	return [bytes.subarray(0, MB), bytes.subarray(MB, 2 * MB)];
}

const member = (name: string, content: Buffer) => [
	tarHeader(name, content.length, new Date(TIME)),
	content,
	tarPadding(content.length),
];
const nameOf = (index: number, timeline = 1) => segmentName(timeline, BigInt((index + 1) * MB), MB);

async function check(members: Buffer[][], more: { source?: object; counts?: object } = {}) {
	const findings: Omit<Finding, 'level'>[] = [];
	const source = {
		systemIdentifier: '7714194708576316779',
		timeline: 1,
		startLsn: formatLsn(BigInt(MB)),
		endLsn: formatLsn(3n * BigInt(MB)),
		segmentBytes: MB,
		partialSegment: false,
		...more.source,
	};
	const manifest = { file: 'x.tar', source, counts: { segments: 2, ...more.counts } } as unknown as Manifest;
	const context = { log: () => {}, found: (finding: Omit<Finding, 'level'>) => void findings.push(finding) };
	async function* raw() {
		const all = Buffer.concat([...members.flat(), tarEnd()]);
		for (let at = 0; at < all.length; at += 100_000) yield all.subarray(at, at + 100_000);
	}
	const counts = await checkWal(raw(), manifest, context);
	return { counts, problems: findings.map(({ message }) => message) };
}

describe('the content of an archive of WAL', () => {
	const [first, second] = someWal() as [Buffer, Buffer];
	const both = [member(nameOf(0), first), member(nameOf(1), second)];

	it('is whole where segments follow one another and all CRCs are right', async () => {
		const { counts, problems } = await check(both);
		expect(problems).toEqual([]);
		expect(counts).toMatchObject({ segments: 2, restorePoints: 0 });
		expect(counts['transactions']).toBeGreaterThan(100);
		const partial = [member(`${nameOf(0)}.partial`, first.subarray(0, 30_000))];
		const source = { partialSegment: true, endLsn: formatLsn(BigInt(MB + 30_000)) };
		expect((await check(partial, { source, counts: { segments: 1 } })).problems).toEqual([]);
	});

	it('is whole with the history of its timeline, which must be one', async () => {
		const history = (text: string) => check([member('00000002.history', Buffer.from(text)), ...both]);
		expect((await history('1\t0/5000\treason\n')).problems).toEqual([]);
		expect((await history('nonsense')).problems).toEqual([expect.stringContaining('holds 00000002.history')]);
	});

	it('is damaged where a record’s CRC is wrong', async () => {
		const changed = Buffer.from(second);
		changed[500_000]! ^= 1;
		const { problems } = await check([both[0]!, member(nameOf(1), changed)]);
		expect(problems).toEqual([expect.stringMatching(/^The archive holds a record whose CRC is wrong, at 0\/27/)]);
	});

	it.each<[string, Buffer[][], { source?: object; counts?: object }, RegExp]>([
		['lacks a segment', [both[1]!], {}, /holds the segment .*2 where that of 0\/100000 should be/],
		['lacks its last segment', [both[0]!], {}, /ends at 0\/200000, and should end at 0\/300000/],
		['has a segment twice', [both[0]!, both[0]!], {}, /where that of 0\/200000 should be/],
		['has something else', [...both, member('x', first)], {}, /holds "x", which is no segment/],
		['has one that is cut', [member(nameOf(0), first.subarray(0, 9000)), both[1]!], {}, /with 9000 bytes/],
		['is of another timeline', both, { source: { timeline: 2 } }, /holds the segment/],
		['is of another cluster', both, { source: { systemIdentifier: '1' } }, /of another cluster/],
		['holds more than was counted', both, { counts: { segments: 3 } }, /should hold 3/],
		['says nothing that can be', both, { source: { startLsn: 'x' } }, /does not say which stretch/],
	])('is bad where it %s', async (_what, members, more, problem) => {
		expect((await check(members, more)).problems).toEqual([expect.stringMatching(problem)]);
	});
});
