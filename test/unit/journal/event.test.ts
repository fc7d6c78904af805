import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
	EVENT_ACTIONS,
	EVENT_OUTCOMES,
	beginningAt,
	formatEvent,
	newEventKey,
	parseEvent,
	parseEventKey,
	type EventContent,
} from '../../../engine/journal/event';
import { logLine, parseLine } from '../../../engine/journal/line';
import { LIMITS } from '../../../engine';

const EVENT: EventContent = {
	action: 'restore',
	outcome: 'refused',
	startedAt: '2026-01-31T02:05:10.000Z',
	endedAt: '2026-01-31T02:05:12.345Z',
};

const texts = fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(5000))), { nil: undefined });
const events = fc
	.record({
		action: fc.constantFrom(...EVENT_ACTIONS),
		outcome: fc.constantFrom(...EVENT_OUTCOMES),
		at: fc.date({ min: new Date('2000-01-01'), max: new Date('2999-12-31'), noInvalidDate: true }),
		name: texts,
		requestedBy: texts,
		message: texts,
		workflowName: texts,
	})
	.map(({ action, outcome, at, name, requestedBy, message, workflowName }): EventContent => ({
		action,
		outcome,
		startedAt: at.toISOString(),
		endedAt: at.toISOString(),
		name,
		requestedBy,
		...(message !== undefined && { error: { code: 'SOURCE_FAILED', message } }),
		execution: { id: '17', workflowName },
	}));

describe('an event', () => {
	it('comes back as it was noted, whatever texts it holds, and is small', () => {
		fc.assert(
			fc.property(events, (event) => {
				const key = newEventKey(event);
				const text = formatEvent(event);
				expect(Buffer.byteLength(text)).toBeLessThan(LIMITS.event);
				const parsed = parseEventKey(key)!;
				expect(parsed).toMatchObject({ action: event.action, outcome: event.outcome, at: new Date(event.endedAt) });
				const back = parseEvent(text, parsed)!;
				expect(back).toMatchObject({ action: event.action, endedAt: event.endedAt });
				if (event.name !== undefined && event.name.length <= 500) expect(back.name).toBe(event.name);
			}),
		);
	});

	it('has a key that goes by its time', () => {
		const key = newEventKey(EVENT);
		expect(key).toMatch(/^\.stack-backup\/journal\/2026\/01\/31\/020512345-refused-restore-[0-9a-f]{16}\.json$/);
		expect(key > beginningAt(new Date(EVENT.endedAt))).toBe(true);
		expect(key < beginningAt(new Date(Date.parse(EVENT.endedAt) + 1))).toBe(true);
		expect(newEventKey(EVENT)).not.toBe(key);
	});

	it('is none where its text says something else than its key, or nothing that can be understood', () => {
		const key = parseEventKey(newEventKey(EVENT))!;
		expect(parseEvent(formatEvent(EVENT), key)).toMatchObject(EVENT);
		const wrong: Partial<EventContent>[] = [
			{ outcome: 'succeeded' },
			{ action: 'prune' },
			{ endedAt: '2026-01-31T02:05:12.346Z' },
		];
		for (const change of wrong) expect(parseEvent(formatEvent({ ...EVENT, ...change }), key)).toBeUndefined();
		for (const text of ['', '{', '[]', 'null', '{"formatVersion":1}', undefined]) {
			expect(parseEvent(text, key)).toBeUndefined();
		}
		const odd = [
			'.stack-backup/journal/x.json',
			'.stack-backup/journal/2026/13/31/020512345-failed-prune-0123456789abcdef.json',
		];
		for (const name of odd) expect(parseEventKey(name)).toBeUndefined();
	});
});

describe('a line of the log', () => {
	it('tells what happened', () => {
		const event = {
			...EVENT,
			id: '0123456789abcdef',
			kind: 'postgres',
			name: 'shop',
			error: { code: 'NOT_CONFIRMED', message: 'Type "shop".' },
			requestedBy: 'Ana',
			execution: { id: '17', workflowName: 'Restore by webhook' },
		};
		expect(logLine(event)).toBe(
			'2026-01-31T02:05:12.345Z WARN restore postgres/shop refused duration=2.345 code="NOT_CONFIRMED" error="Type \\"shop\\"." by="Ana" workflow="Restore by webhook" execution="17" id=0123456789abcdef',
		);
	});

	it('stays one line that can be parsed, whatever the event holds', () => {
		fc.assert(
			fc.property(events, (event) => {
				const line = logLine({ ...event, id: 'fedcba9876543210' });
				expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
				expect(parseLine(line)).toEqual({ at: event.endedAt, id: 'fedcba9876543210' });
			}),
		);
	});
});
