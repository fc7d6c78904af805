/** The commands of a walsender that answer with a row. Source: PostgreSQL documentation, "Streaming Replication Protocol". */
import { BackupError } from '../../../errors';
import { quoteIdentifier } from '../../quoting';
import { type Lsn, parseLsn } from '../lsn';
import { type ReplicationRow, textIn, textOf } from './rows';
import type { WalSender } from './walSender';

/** What a server is, and how far its log has come. */
export interface IdentifiedSystem {
	/** PostgreSQL's system identifier, a number of 64 bits in decimal. */
	systemIdentifier: string;
	timeline: number;
	/** Up to where its log is written and flushed; on a standby, replayed. */
	position: Lsn;
}

/** Asks a server who it is. @throws BackupError */
export async function identifySystem(sender: WalSender): Promise<IdentifiedSystem> {
	const [row] = await sender.query('IDENTIFY_SYSTEM', 'Could not ask the server for its system identifier');
	return {
		systemIdentifier: textOf(row, 'systemid'),
		timeline: Number(textOf(row, 'timeline')),
		position: parseLsn(textOf(row, 'xlogpos')),
	};
}

/** The value of a setting as SHOW writes it: `16MB`. @throws BackupError */
export async function showSetting(sender: WalSender, name: string): Promise<string> {
	const [row] = await sender.query(`SHOW ${quoteIdentifier(name)}`, `Could not read the setting ${name}`);
	return textOf(row, name);
}

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** The bytes of a setting that SHOW writes with a unit, or without one where it is in bytes. @throws BackupError */
export async function showBytes(sender: WalSender, name: string): Promise<number> {
	const shown = await showSetting(sender, name);
	const [, number, unit = 'B'] = /^(\d+)\s*([kMGT]?B)?$/.exec(shown) ?? [];
	if (number === undefined) {
		throw new BackupError('SOURCE_FAILED', `The server says that its setting ${name} is "${shown.slice(0, 40)}".`, {
			hint: 'This is no size that PostgreSQL writes: look whether the credential leads to PostgreSQL itself.',
		});
	}
	return Number(number) * (UNITS[unit] as number);
}

/** A timeline's file, which tells where it and those before it have branched off. */
export interface TimelineHistory {
	/** `00000002.history` */
	name: string;
	content: Buffer;
}

/** @param timeline above 1: the first one has no history. @throws BackupError */
export async function timelineHistory(sender: WalSender, timeline: number): Promise<TimelineHistory> {
	const doing = `Could not read the history of timeline ${timeline}`;
	const [row] = await sender.query(`TIMELINE_HISTORY ${timeline}`, doing);
	return { name: textOf(row, 'filename'), content: row?.['content'] ?? Buffer.alloc(0) };
}

/**
 * Makes a physical replication slot that keeps WAL from now on (RESERVE_WAL): whoever creates it before a base backup loses none.
 * @throws BackupError INVALID_INPUT for a name that no slot may have; SOURCE_FAILED where it exists, or no more are allowed
 */
export async function createPhysicalSlot(sender: WalSender, slot: string): Promise<void> {
	assertSlotName(slot);
	const doing = `Could not create the replication slot ${slot}`;
	await sender.query(`CREATE_REPLICATION_SLOT ${slot} PHYSICAL RESERVE_WAL`, doing);
}

/** Removes a slot; the server is then free to remove the WAL that it kept. @throws BackupError, also where somebody uses it */
export async function dropSlot(sender: WalSender, slot: string): Promise<void> {
	assertSlotName(slot);
	await sender.query(`DROP_REPLICATION_SLOT ${slot}`, `Could not drop the replication slot ${slot}`);
}

/** From where on a slot keeps WAL. */
export interface PhysicalSlot {
	/** Undefined for a slot that keeps none yet. */
	restartLsn: Lsn | undefined;
	restartTimeline: number | undefined;
}

/**
 * Looks at a physical slot; servers from 15 on can be asked.
 * @returns undefined where there is no such slot
 * @throws BackupError, also where it is a logical one
 */
export async function readSlot(sender: WalSender, slot: string): Promise<PhysicalSlot | undefined> {
	assertSlotName(slot);
	const doing = `Could not look at the replication slot ${slot}`;
	const [row] = await sender.query(`READ_REPLICATION_SLOT ${slot}`, doing);
	if (textIn(row, 'slot_type') === undefined) return undefined;
	return { restartLsn: lsnIn(row, 'restart_lsn'), restartTimeline: numberIn(row, 'restart_tli') };
}

function lsnIn(row: ReplicationRow | undefined, column: string): Lsn | undefined {
	const text = textIn(row, column);
	return text === undefined ? undefined : parseLsn(text);
}

function numberIn(row: ReplicationRow | undefined, column: string): number | undefined {
	const text = textIn(row, column);
	return text === undefined ? undefined : Number(text);
}

/** @throws BackupError INVALID_INPUT for a name that PostgreSQL allows no slot to have */
export function assertSlotName(slot: string): void {
	if (/^[a-z0-9_]{1,63}$/.test(slot)) return;
	throw new BackupError('INVALID_INPUT', `"${slot.slice(0, 80)}" cannot be the name of a replication slot.`, {
		hint: 'Use up to 63 lower case letters, digits and underscores.',
	});
}

/** A text in a command: walsenders know no other way to write one, and a backslash has no meaning. */
export function commandLiteral(text: string): string {
	return `'${text.replaceAll("'", "''")}'`;
}
