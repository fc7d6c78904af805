/** Which credentials of the n8n that is imported into stand for those that the nodes of a workflow name. */
import type { CredentialName, N8nApi } from '../../api';
import { isNotFound } from '../../api';
import { isObject, type JsonObject, textIn, type Workflow } from '../workflow';

/** A workflow with the credentials of another n8n. */
export interface WithCredentials {
	workflow: Workflow;
	/** How many names of credentials lead to another id than before. */
	mapped: number;
	/** What is not there, or is there several times: `httpBasicAuth "shop"`. */
	missing: string[];
}

export class CredentialMap {
	readonly #byId = new Map<string, CredentialName>();
	readonly #byName = new Map<string, CredentialName[]>();
	/** Whether that n8n lists its credentials: those before 2.x do not. */
	#isKnown = true;

	/** @throws BackupError ACCESS_DENIED where the key may not list them, TARGET_* */
	static async of(api: N8nApi, signal: AbortSignal | undefined): Promise<CredentialMap> {
		const map = new CredentialMap();
		try {
			for await (const credential of api.credentials(signal)) {
				map.#byId.set(credential.id, credential);
				const key = keyOf(credential.type, credential.name);
				map.#byName.set(key, [...(map.#byName.get(key) ?? []), credential]);
			}
		} catch (error) {
			if (!isNotFound(error)) throw error;
			map.#isKnown = false;
		}
		return map;
	}

	/** By id where one of that type has it; otherwise by name and type, where there is one. What is missing is named, as it was. */
	applied(workflow: Workflow): WithCredentials {
		const missing = new Set<string>();
		let mapped = 0;
		const nodes = workflow.nodes.map((node): JsonObject => {
			const { credentials } = node;
			if (!isObject(credentials)) return node;
			const members = Object.entries(credentials).map(([type, named]): [string, unknown] => {
				// n8n before 0.166 kept the name alone.
				const asked = isObject(named) ? named : { name: named };
				const found = this.#find(type, asked);
				if (!found) {
					missing.add(`${type} "${textIn(asked, 'name')}"`);
					return [type, isNumber(asked['id']) ? { id: null, name: textIn(asked, 'name') } : named];
				}
				if (found.id !== asked['id']) mapped++;
				return [type, { id: found.id, name: found.name }];
			});
			return { ...node, credentials: Object.fromEntries(members) };
		});
		return { workflow: { ...workflow, nodes }, mapped, missing: [...missing] };
	}

	#find(type: string, asked: JsonObject): { id: unknown; name: string } | undefined {
		if (!this.#isKnown) return { id: asked['id'], name: textIn(asked, 'name') };
		const known = this.#byId.get(textIn(asked, 'id'));
		if (known?.type === type && (!isNumber(known.id) || known.name === asked['name'])) return known;
		const [first, ...others] = this.#byName.get(keyOf(type, textIn(asked, 'name'))) ?? [];
		return others.length === 0 ? first : undefined;
	}
}

/**
 * Whether it is an id of n8n before 1.0, which counted: in another n8n, the same number is another credential. Later ids are drawn
 * at random.
 */
function isNumber(id: unknown): boolean {
	return typeof id === 'number' || (typeof id === 'string' && /^\d+$/.test(id));
}

function keyOf(type: string, name: string): string {
	return JSON.stringify([type, name]);
}
