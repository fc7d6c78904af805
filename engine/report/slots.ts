/** Replication slots that are behind: a server keeps log for them until its disk is full, or gives it up and leaves a gap. */
import type { LogSlot, ServerLog } from '../verify';
import type { Problem } from './problem';
import { readableShare, readableSize } from './words';

/** Of the limit, less room than this share is little. */
const LITTLE = 0.25;

export interface SlotConditions {
	/** A slot for which the server keeps more than so many bytes is told. */
	slotBytes: number;
	isIgnored: (name: string) => boolean;
}

export function slotProblems(servers: readonly ServerLog[], { slotBytes, isIgnored }: SlotConditions): Problem[] {
	return servers.flatMap((server) =>
		server.slots.filter(({ name }) => !isIgnored(name)).flatMap((slot) => problemOf(slot, server, slotBytes)),
	);
}

function problemOf(slot: LogSlot, server: ServerLog, slotBytes: number): Problem[] {
	const { name, isPhysical, status, heldBytes = 0 } = slot;
	const { address, system, limitBytes } = server;
	const what = `The replication slot ${name} at ${address}`;
	const make = (
		kind: 'slotLost' | 'slotBehind',
		severity: Problem['severity'],
		message: string,
		hint: string,
	): Problem => ({
		id: `${kind}:${JSON.stringify([system ?? address, name])}`,
		kind,
		severity,
		subject: `replication slot ${name}`,
		about: { kind: 'replication-slot', name },
		message,
		hint,
	});
	if (status === 'lost') {
		const next = isPhysical
			? 'Archiving by this slot makes it anew, and leaves a gap: make a base backup then. If nobody uses it, drop it.'
			: 'Whoever read it has to begin anew. If nobody uses it, drop it.';
		const message = `${what} is lost: the server has removed WAL that it needs, for it was further behind than max_slot_wal_keep_size allows.`;
		return [make('slotLost', 'critical', message, `${next} Let max_slot_wal_keep_size allow more.`)];
	}
	const uses = slot.isActive ? 'whoever reads it is slow' : 'nobody reads it';
	const use = slot.isActive
		? 'See why whoever reads it is so slow.'
		: 'Let run what reads it, such as Postgres WAL Trigger or Archive WAL, or drop it (Postgres PITR, Drop Slot).';
	if (status === 'unreserved') {
		const message = `${what} is about to be lost: the server removes WAL that it needs at its next checkpoint, and ${uses}.`;
		return [make('slotBehind', 'critical', message, `${use} Let max_slot_wal_keep_size allow more.`)];
	}
	const isNearLimit = limitBytes !== undefined && slot.roomBytes !== undefined && slot.roomBytes < LITTLE * limitBytes;
	if (isNearLimit) {
		const share = readableShare(Math.max(0, slot.roomBytes!) / Math.max(1, limitBytes));
		const message = `${what} holds ${readableSize(heldBytes)} of WAL, and ${uses}: ${share} of max_slot_wal_keep_size (${readableSize(limitBytes)}) are left before the server removes what it needs.`;
		return [make('slotBehind', 'warning', message, use)];
	}
	if (heldBytes <= slotBytes) return [];
	const limit =
		limitBytes === undefined
			? 'There is no limit (max_slot_wal_keep_size): it grows until the disk of the server is full.'
			: `The server keeps ${readableSize(limitBytes)} at most.`;
	const message = `${what} holds ${readableSize(heldBytes)} of WAL, and ${uses}. ${limit}`;
	return [make('slotBehind', 'warning', message, use)];
}

/** A slot in one line: `Slot n8n_pitr: in use, holds 1.2 MB, may hold 3.4 GB more`. */
export function slotLine(
	{ name, isActive, status, heldBytes, roomBytes }: LogSlot,
	limitBytes: number | undefined,
): string {
	const use = isActive ? 'in use' : 'not in use';
	const state = status === 'lost' || status === 'unreserved' ? [status] : [];
	const held = heldBytes === undefined ? [] : [`holds ${readableSize(heldBytes)}`];
	const left = roomBytes === undefined ? undefined : readableSize(Math.max(0, roomBytes));
	// Of one that is lost nothing is kept.
	const room =
		status === 'lost'
			? []
			: left !== undefined
				? [`may hold ${left} more`]
				: limitBytes === undefined
					? ['without a limit']
					: [];
	return `Slot ${name}: ${[use, ...state, ...held, ...room].join(', ')}`;
}
