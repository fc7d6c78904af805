/**
 * Finds out what is to be done for a name. Where the listings and the record agree, nothing is asked; where a listing has no
 * object that the record speaks of, or one that is to be removed, the object itself is asked for: a listing is never
 * proof of absence.
 */
import type { Gate } from '../../storage/gate';
import type { Met } from './march';
import type { Listed, Place } from './place';
import type { StateRecord } from './state';

export type Decision =
	/** As it was copied. */
	| { kind: 'same'; record: StateRecord }
	/** It is a copy already, which nobody recorded. */
	| { kind: 'adopted'; record: StateRecord }
	| { kind: 'copy'; source: Listed; isNew: boolean }
	/** Only the target has it, and it is certain that the source has not. */
	| { kind: 'extra'; target: Listed }
	/** Only the target has it, and nobody asked the source, for it stays in any case. */
	| { kind: 'kept' }
	/** Neither has it any more. */
	| { kind: 'gone' };

export interface Settled {
	decision: Decision;
	/** The source has it although its listing does not. */
	isUnlisted: boolean;
}

export interface Ends {
	source: Place;
	target: Place;
	/** Names this mirror in what the copies carry. */
	id: string;
	/** Whether extra objects at the target are to go. */
	remove: boolean;
	/** What the bytes of objects go through. */
	gate?: Gate | undefined;
}

/** What is to be done, where nothing has to be asked for it; for most of what did not change. */
export function settledAtOnce({ source, target, record }: Met, remove: boolean): Decision | undefined {
	if (source && !target && !record) return { kind: 'copy', source, isNew: true };
	if (source && target && record && isAsRecorded(record, source, target)) return { kind: 'same', record };
	if (source && target && source.size !== target.size) return { kind: 'copy', source, isNew: false };
	if (!source && !record && !remove) return { kind: 'kept' };
	return undefined;
}

/** @throws what the places answer */
export async function settle(met: Met, ends: Ends, signal: AbortSignal): Promise<Settled> {
	const source = met.source ?? (await ends.source.ask(met.name, signal));
	const isUnlisted = !met.source && source !== undefined;
	const target = met.target ?? (met.record && (await ends.target.ask(met.name, signal)));
	if (!source) return { decision: target ? { kind: 'extra', target } : { kind: 'gone' }, isUnlisted };
	return { decision: await compare(source, target, met.record, ends, signal), isUnlisted };
}

async function compare(
	source: Listed,
	target: Listed | undefined,
	record: StateRecord | undefined,
	ends: Ends,
	signal: AbortSignal,
): Promise<Decision> {
	if (!target) return { kind: 'copy', source, isNew: true };
	if (record && isAsRecorded(record, source, target)) return { kind: 'same', record };
	const mayBeCopy = target.size === source.size && (!record || record.source === source.version);
	if (mayBeCopy && (await ends.target.isCopy(target, source, markOf(ends.id, source), signal))) {
		const { name, size, version } = source;
		return { kind: 'adopted', record: { name, size, source: version, target: target.writtenVersion } };
	}
	return { kind: 'copy', source, isNew: false };
}

function isAsRecorded(record: StateRecord, source: Listed, target: Listed): boolean {
	return (
		record.source === source.version &&
		record.size === source.size &&
		record.target === target.writtenVersion &&
		record.size === target.size
	);
}

/** What a copy carries, so that it is known again. */
export function markOf(id: string, source: Listed): string {
	return `${id} ${source.version}`;
}
