import { extract } from 'tar-stream';

import { listManifests, openArchive } from '../../../../engine/archive';
import { clustersIn, coverageOf, type Coverage } from '../../../../engine/postgres/physical/coverage';
import { parseSegmentName } from '../../../../engine/postgres/physical/lsn';
import { WalReader, type WalEvent } from '../../../../engine/postgres/physical/wal';
import type { Storage } from '../../../../engine/storage';

/** The WAL that a storage holds: of each segment the longest, by name, without `.partial`. */
export async function storedSegments(storage: Storage): Promise<Map<string, Buffer>> {
	const segments = new Map<string, Buffer>();
	const { backups } = await listManifests(storage, '', { kind: 'postgres-wal' });
	for (const { manifestKey } of backups) {
		for (const [name, content] of await membersOf(storage, manifestKey)) {
			if (name.endsWith('.history')) continue;
			const segment = name.replace('.partial', '');
			if (content.length > (segments.get(segment)?.length ?? -1)) segments.set(segment, content);
		}
	}
	return new Map([...segments].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The members of an archive by name, in order. */
export async function membersOf(storage: Storage, manifestKey: string): Promise<Map<string, Buffer>> {
	const members = new Map<string, Buffer>();
	const reader = await openArchive(storage, manifestKey);
	for await (const entry of reader.raw().pipe(extract())) {
		const pieces: Buffer[] = [];
		for await (const piece of entry) pieces.push(piece as Buffer);
		members.set(entry.header.name, Buffer.concat(pieces));
	}
	return members;
}

export async function coverageIn(storage: Storage, systemIdentifier: string): Promise<Coverage> {
	const { backups } = await listManifests(storage, '', { kind: ['postgres-base', 'postgres-wal'] });
	const facts = clustersIn(backups).get(systemIdentifier);
	return coverageOf(facts ?? { systemIdentifier, bases: [], stretches: [] });
}

/** All transactions and restore points in segments that follow one another, read with their CRCs. */
export function eventsIn(segments: ReadonlyMap<string, Buffer>, segmentBytes = 16_777_216): WalEvent[] {
	const events: WalEvent[] = [];
	let reader: WalReader | undefined;
	for (const [name, content] of segments) {
		const { timeline, startLsn } = parseSegmentName(name, segmentBytes)!;
		reader ??= new WalReader({ startLsn, timeline, onEvent: (event) => void events.push(event) });
		reader.take(content);
	}
	return events;
}
