import type { N8nApi } from '../../api';

/** Tags by their names, in the n8n that is imported into. Those that are not there are made. */
export class Tags {
	#ids: Promise<Map<string, string>> | undefined;

	constructor(
		private readonly api: N8nApi,
		private readonly signal: AbortSignal | undefined,
	) {}

	/**
	 * Gives a workflow these tags.
	 * @param present Those that it has.
	 * @throws BackupError ACCESS_DENIED, TARGET_*
	 */
	async set(workflowId: string, names: readonly string[], present: readonly string[]): Promise<void> {
		const wanted = [...new Set(names)];
		if (wanted.length === present.length && wanted.every((name) => present.includes(name))) return;
		const ids: string[] = [];
		for (const name of wanted) ids.push(await this.#idOf(name));
		await this.api.setTags(workflowId, ids, this.signal);
	}

	async #idOf(name: string): Promise<string> {
		this.#ids ??= this.#list();
		const known = await this.#ids;
		const id = known.get(name) ?? (await this.api.createTag(name, this.signal)).id;
		known.set(name, id);
		return id;
	}

	async #list(): Promise<Map<string, string>> {
		const ids = new Map<string, string>();
		for await (const { id, name } of this.api.tags(this.signal)) ids.set(name, id);
		return ids;
	}
}
