import { describe, expect, it } from 'vitest';

import { type Holder, isGone, type ReadProc, thisHolder } from '../../../../engine/archive/lock/holder';

const BOOT = '/proc/sys/kernel/random/boot_id';
const NAMESPACE = '/proc/self/ns/pid';
const OWN = `/proc/${process.pid}/stat`;

const stat = (startedAtTick: number, state = 'S', name = 'node') =>
	`4711 (${name}) ${state} ${Array.from({ length: 18 }, () => '0').join(' ')} ${startedAtTick} 0 0`;

/** A machine on which these processes run, besides this one, which began at tick 900. */
function machine(processes: Record<number, string>, more: Record<string, string | undefined> = {}) {
	const files: Record<string, string | undefined> = {
		[BOOT]: 'boot-1\n',
		[NAMESPACE]: 'pid:[4026531836]',
		'/proc/self/stat': stat(900),
		[OWN]: stat(900),
		...Object.fromEntries(Object.entries(processes).map(([pid, text]) => [`/proc/${pid}/stat`, text])),
		...more,
	};
	const read: ReadProc = (path) => {
		const text = files[path];
		if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
		return text;
	};
	const signal = (pid: number) => {
		if (!(pid in processes)) throw Object.assign(new Error('none'), { code: 'ESRCH' });
		if (processes[pid] === 'not ours') throw Object.assign(new Error('no'), { code: 'EPERM' });
	};
	return { read, signal };
}

const facts = { boot: 'boot-1', namespace: 'pid:[4026531836]', startedAtTick: '500', thread: 0 };
const holder = (more: Partial<typeof facts> = {}, pid = 4711): Holder => ({
	host: 'n8n',
	pid,
	process: { ...facts, ...more },
});

describe('the process that holds a lock', () => {
	it('is gone where its number is nobody', () => {
		expect(isGone(holder(), false, machine({}))).toBe(true);
	});

	it('is gone where its number has been given to another since', () => {
		expect(isGone(holder(), false, machine({ 4711: stat(501) }))).toBe(true);
	});

	it('is gone where its parent has only not taken notice', () => {
		expect(isGone(holder(), false, machine({ 4711: stat(500, 'Z') }))).toBe(true);
	});

	it.each(['R', 'S', 'D', 'T', 't'])('is there in the state %s', (state) => {
		expect(isGone(holder(), false, machine({ 4711: stat(500, state) }))).toBe(false);
	});

	it('is there whatever it calls itself', () => {
		expect(isGone(holder(), false, machine({ 4711: stat(500, 'S', 'a) Z 1 (b') }))).toBe(false);
	});

	it('may be there where it is another user, or /proc hides it', () => {
		expect(isGone(holder(), false, machine({ 4711: 'not ours' }))).toBe(false);
		expect(isGone(holder(), false, machine({ 4711: stat(500) }, { '/proc/4711/stat': undefined }))).toBe(false);
	});

	it('may be there where it runs on another machine, in another container, or told nothing', () => {
		for (const other of [{ boot: 'boot-2' }, { namespace: 'pid:[4026532999]' }]) {
			expect(isGone(holder(other), false, machine({}))).toBe(false);
		}
		expect(isGone({ host: 'n8n', pid: 4711 }, false, machine({}))).toBe(false);
		expect(isGone(holder({}, 0), false, machine({}))).toBe(false);
		expect(isGone(holder({}, -1), false, machine({}))).toBe(false);
	});

	it.each([BOOT, NAMESPACE, '/proc/self/stat', OWN])('may be there where %s cannot be read', (path) => {
		expect(isGone(holder(), false, machine({}, { [path]: undefined }))).toBe(false);
	});

	it('may be there where /proc shows the processes of another namespace', () => {
		expect(isGone(holder(), false, machine({}, { [OWN]: stat(12) }))).toBe(false);
	});

	it('is this one, whose run goes on or is over; of the runs of its other threads nothing is known', () => {
		const own = holder({ startedAtTick: '900' }, process.pid);
		expect(isGone(own, true, machine({}))).toBe(false);
		expect(isGone(own, false, machine({}))).toBe(true);
		expect(isGone(holder({ startedAtTick: '900', thread: 7 }, process.pid), false, machine({}))).toBe(false);
		expect(isGone(holder({ startedAtTick: '12' }, process.pid), false, machine({ [process.pid]: stat(900) }))).toBe(
			true,
		);
	});

	it('is told by this system as it is', () => {
		const self = thisHolder();
		expect(self).toMatchObject({ pid: process.pid, process: { boot: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
		expect(isGone(self, true)).toBe(false);
	});
});
