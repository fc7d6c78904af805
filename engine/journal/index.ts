/**
 * The journal of a storage: what was done to its backups, and what was refused or failed, which the backups themselves do not
 * tell. It is told to people, and decides nothing: no backup is taken, kept or deleted because of it.
 */
export {
	EVENT_ACTIONS,
	EVENT_OUTCOMES,
	JOURNAL,
	type EventAction,
	type EventContent,
	type EventOutcome,
	type JournalEvent,
} from './event';
export { isLogKey, LOG_KEY, refreshLog } from './log';
export { JOURNAL_DAYS, pruneJournal } from './prune';
export { readJournal, type JournalOptions, type JournalPart } from './read';
export { noteEvent } from './write';
