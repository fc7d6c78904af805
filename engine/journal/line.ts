import type { EventOutcome, JournalEvent } from './event';

const LEVEL: Record<EventOutcome, string> = {
	succeeded: 'INFO',
	failed: 'ERROR',
	refused: 'WARN',
	cancelled: 'WARN',
};

/**
 * An event as a line of `backup.log`: `2026-01-31T02:05:12.345Z ERROR backUp postgres/shop failed duration=312.3 error="..."`.
 * Texts are quoted as JSON does it, so none of them can begin another line or another field.
 */
export function logLine(event: JournalEvent): string {
	const { startedAt, endedAt, action, outcome, kind, name, size, error, summary, requestedBy, from, to, execution } =
		event;
	const subject = [kind, name].filter((part) => part !== undefined).join('/') || '-';
	const seconds = Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
	const fields: [name: string, value: string | number | undefined][] = [
		['size', size],
		['duration', seconds],
		['file', event.file],
		['from', from],
		['to', to],
		['summary', summary],
		['code', error?.code],
		['error', error?.message],
		['by', requestedBy],
		['workflow', execution?.workflowName],
		['execution', execution?.id],
	];
	const written = fields.flatMap(([field, value]) => {
		if (value === undefined || value === '') return [];
		return [`${field}=${typeof value === 'number' ? value : quoted(value)}`];
	});
	const shown = /^[\p{L}\p{N}_./-]+$/u.test(subject) ? subject : quoted(subject);
	return [endedAt, LEVEL[outcome], action, shown, outcome, ...written, `id=${event.id}`].join(' ');
}

/** When the event of a line ended, and its id; undefined for what is no line of ours. */
export function parseLine(line: string): { at: string; id: string } | undefined {
	const [, at, id] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (?:INFO|WARN|ERROR) .* id=([0-9a-f]{16})$/.exec(line) ?? [];
	return at === undefined || id === undefined ? undefined : { at, id };
}

/** JSON leaves some line ends and marks of direction as they are; terminals do not. */
function quoted(text: string): string {
	return JSON.stringify(text).replace(
		/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);
}
