/**
 * Checks the content of an archive of WAL: that its segments follow one another without a gap, from where to where its manifest says, are
 * of the cluster and timeline that it says, and that each record is whole by its CRC. In one pass, in constant memory.
 */
import { type Manifest } from '../../../archive';
import { ByteCursor, EndedEarly } from '../../../archive/cursor';
import { TarDamage, walkTar, type TarMember } from '../../../tar';
import type { CheckContext } from '../../../verify/types';
import { LONGEST_HISTORY, parseHistory, stretchFacts, type StretchFacts } from '../coverage';
import { formatLsn, parseHistoryName, parseSegmentName } from '../lsn';
import { WalDamage } from '../wal/page';
import { WalReader } from '../wal/reader';

const PARTIAL = '.partial';

/** What the segments of an archive are checked against, and how far they are. */
class SegmentCheck {
	readonly reader: WalReader;
	segments = 0;
	#isOver = false;

	constructor(
		private readonly stretch: StretchFacts,
		systemIdentifier: string,
	) {
		const { startLsn, timeline } = stretch;
		this.reader = new WalReader({ startLsn, timeline, systemIdentifier });
	}

	/** @throws WalCheckFailure where the member is not the segment that has to come */
	begin({ name, size }: TarMember): void {
		const isPartial = name.endsWith(PARTIAL);
		const { timeline, segmentBytes, isPartial: mayBePartial } = this.stretch;
		const place = parseSegmentName(isPartial ? name.slice(0, -PARTIAL.length) : name, segmentBytes);
		const expected = this.stretch.startLsn + BigInt(this.segments) * BigInt(segmentBytes);
		if (!place) throw new WalCheckFailure(`holds ${JSON.stringify(name.slice(0, 60))}, which is no segment`);
		if (this.#isOver || place.timeline !== timeline || place.startLsn !== expected)
			throw new WalCheckFailure(`holds the segment ${name} where that of ${formatLsn(expected)} should be`);
		if (isPartial !== mayBePartial || (!isPartial && size !== segmentBytes) || size > segmentBytes)
			throw new WalCheckFailure(`holds the segment ${name} with ${size} bytes`);
		this.#isOver = isPartial;
		this.segments++;
	}
}

/** The message ends a sentence that begins with the archive. */
class WalCheckFailure extends Error {}

/**
 * Reads an archive of WAL to its end.
 * @returns what it holds: segments, records, transactions, restore points
 */
export async function checkWal(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	context: CheckContext,
): Promise<Record<string, number>> {
	const stated = stretchFacts(manifest, manifest.file);
	if (!stated) {
		context.found({ severity: 'error', message: 'The manifest does not say which stretch of WAL the archive holds.' });
		return {};
	}
	const check = new SegmentCheck(stated.facts, stated.systemIdentifier);
	try {
		await walkTar(new ByteCursor(raw), async (member, cursor) => {
			if (parseHistoryName(member.name) !== undefined) return await checkHistory(member, cursor);
			check.begin(member);
			for await (const chunk of cursor.pass(member.storedSize)) check.reader.take(chunk);
		});
		assertAll(check, stated.facts, manifest);
	} catch (error) {
		const isFinding = [WalCheckFailure, WalDamage, TarDamage, EndedEarly].some((kind) => error instanceof kind);
		if (!isFinding) throw error;
		context.found({
			severity: 'error',
			message: `The archive ${(error as Error).message}.`,
			hint: 'Recovery cannot go beyond this place. Make a new base backup, so that it can begin behind it.',
		});
	}
	const { records, commits, restorePointCount } = check.reader.facts;
	return { segments: check.segments, records, transactions: commits, restorePoints: restorePointCount };
}

async function checkHistory({ name, storedSize }: TarMember, cursor: ByteCursor): Promise<void> {
	if (storedSize > LONGEST_HISTORY) throw new WalCheckFailure(`holds ${name} with ${storedSize} bytes`);
	const text = Buffer.from(await cursor.take(storedSize)).toString('latin1');
	try {
		parseHistory(text, parseHistoryName(name)!);
	} catch (error) {
		throw new WalCheckFailure(`holds ${name}: ${(error as Error).message}`);
	}
}

/** What the manifest says must be there, and nothing else. @throws WalCheckFailure */
function assertAll({ reader, segments }: SegmentCheck, { endLsn }: StretchFacts, { counts }: Manifest): void {
	if (reader.endLsn !== endLsn)
		throw new WalCheckFailure(`ends at ${formatLsn(reader.endLsn)}, and should end at ${formatLsn(endLsn)}`);
	if (counts['segments'] !== undefined && counts['segments'] !== segments)
		throw new WalCheckFailure(`holds ${segments} segments, and should hold ${counts['segments']}`);
}
