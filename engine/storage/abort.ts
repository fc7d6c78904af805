/**
 * What is to be done when a run is cancelled, for a million actions one after another. A signal keeps its listeners in a linked
 * list (EventTarget of Node), and one that was taken out of it still leads to those that came after it. Once V8 has moved a single one to
 * where it collects garbage rarely, it takes all that follow for alive, with the request that each belongs to: a mirror of 20,000
 * objects had 220 MB of them. So a signal gets one listener of ours, and the actions stand in an array, whose places are used again.
 */
class Actions {
	readonly #actions: ((() => void) | undefined)[] = [];
	readonly #free: number[] = [];
	readonly #run = () => {
		for (const [place, action] of this.#actions.entries()) {
			this.#actions[place] = undefined;
			action?.();
		}
	};

	constructor(private readonly signal: AbortSignal) {}

	add(action: () => void): number {
		// Without a listener, a signal that depends on others does not keep itself alive.
		if (this.#free.length === this.#actions.length) this.signal.addEventListener('abort', this.#run);
		const place = this.#free.pop() ?? this.#actions.length;
		this.#actions[place] = action;
		return place;
	}

	remove(place: number): void {
		this.#actions[place] = undefined;
		this.#free.push(place);
		if (this.#free.length === this.#actions.length) this.signal.removeEventListener('abort', this.#run);
	}
}

const ofSignals = new WeakMap<AbortSignal, Actions>();

/**
 * Has something done when a signal fires, at once where it has fired already.
 * @param action must not throw
 * @returns to be called when that is not wanted any more, once or more often
 */
export function onAbort(signal: AbortSignal | undefined, action: () => void): () => void {
	if (!signal) return () => {};
	if (signal.aborted) {
		action();
		return () => {};
	}
	let actions = ofSignals.get(signal);
	if (!actions) ofSignals.set(signal, (actions = new Actions(signal)));
	let place: number | undefined = actions.add(action);
	return () => {
		if (place !== undefined) actions.remove(place);
		place = undefined;
	};
}
