/**
 * What the words of the statement being scanned tell: whether its semicolons belong to a routine's body, and whether it
 * is a COPY whose rows follow in the script. Fed with the bare (unquoted) words at parenthesis depth 0, in order.
 */
export class StatementWords {
	/** Depth of BEGIN ATOMIC and CASE in a routine's body: semicolons inside end nothing. */
	bodyDepth = 0;
	first = '';
	#count = 0;
	#head: string[] = [];
	#previous = '';
	#fromSeen = false;
	#copyFromStdin = false;

	get copyFromStdin(): boolean {
		return this.#copyFromStdin;
	}

	/** False when further words cannot tell anything: most statements after their fourth word. */
	get watching(): boolean {
		return this.#count < 4 || this.first === 'copy' || this.#isRoutine;
	}

	reset(): void {
		this.bodyDepth = 0;
		this.first = '';
		this.#count = 0;
		this.#head = [];
		this.#previous = '';
		this.#fromSeen = false;
		this.#copyFromStdin = false;
	}

	/** Any token but a word at depth 0: words on its two sides do not stand beside each other. */
	interrupt(): void {
		this.#previous = '';
	}

	/** @param word lower case. */
	add(word: string, afterDot: boolean): void {
		if (this.#count === 0) this.first = word;
		if (this.#count < 4) this.#head.push(word);
		this.#count++;
		if (this.first === 'copy') this.#watchCopy(word, afterDot);
		else if (this.#isRoutine && !afterDot) this.#watchBody(word);
		this.#previous = word;
	}

	get #isRoutine(): boolean {
		if (this.first !== 'create') return false;
		const kind = this.#head[1] === 'or' && this.#head[2] === 'replace' ? this.#head[3] : this.#head[1];
		return kind === 'function' || kind === 'procedure';
	}

	#watchCopy(word: string, afterDot: boolean): void {
		if (this.#previous === 'from' && this.#fromSeen && word === 'stdin') this.#copyFromStdin = true;
		if (afterDot || this.#fromSeen) return;
		this.#fromSeen = word === 'from';
	}

	/**
	 * psql counts every `begin` of a CREATE FUNCTION; a function that is itself called `begin` (pg_dump does not quote
	 * the name) would then swallow the rest of the script. Only BEGIN ATOMIC opens a body. Inside, CASE and END are
	 * reserved words, so they are names only after a dot (excluded before) or AS.
	 */
	#watchBody(word: string): void {
		if (this.bodyDepth === 0) {
			if (word === 'atomic' && this.#previous === 'begin') this.bodyDepth = 1;
		} else if (this.#previous !== 'as') {
			if (word === 'case') this.bodyDepth++;
			else if (word === 'end') this.bodyDepth--;
		}
	}
}
