import { expect, it, vi } from 'vitest';

import { onAbort } from '../../../engine/storage/abort';

it('what is to be done when a signal fires is done once, for all that still want it', () => {
	const controller = new AbortController();
	const [first, second, third] = [vi.fn(), vi.fn(), vi.fn()];
	const leaveFirst = onAbort(controller.signal, first);
	onAbort(controller.signal, second);
	leaveFirst();
	leaveFirst();
	// It has the place of the first, which has left for good.
	onAbort(controller.signal, third);
	leaveFirst();
	controller.abort();
	expect([first, second, third].map(({ mock }) => mock.calls.length)).toEqual([0, 1, 1]);
});

it('it is done at once where the signal has fired', () => {
	const action = vi.fn();
	onAbort(AbortSignal.abort(), action)();
	onAbort(undefined, action)();
	expect(action).toHaveBeenCalledTimes(1);
});

it('one who leaves while the others are told is not told', () => {
	const controller = new AbortController();
	const second = vi.fn();
	let leaveSecond = () => {};
	onAbort(controller.signal, () => leaveSecond());
	leaveSecond = onAbort(controller.signal, second);
	controller.abort();
	expect(second).not.toHaveBeenCalled();
});

it('a signal that nothing else holds fires when those do that it depends on', () => {
	const controller = new AbortController();
	const action = vi.fn();
	const other = onAbort(AbortSignal.any([controller.signal]), () => {});
	onAbort(AbortSignal.any([controller.signal]), action);
	other();
	controller.abort();
	expect(action).toHaveBeenCalledTimes(1);
});
