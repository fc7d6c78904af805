import { randomUUID } from 'node:crypto';
import type {
	ICredentialDataDecryptedObject,
	ICredentials,
	ICredentialsHelper,
	ICredentialType,
	IHttpRequestOptions,
	INodeCredentialsDetails,
	INodeProperties,
	IWorkflowExecuteAdditionalData,
} from 'n8n-workflow';
import type { N8nEngine } from './n8n-core';

type Data = ICredentialDataDecryptedObject;

/** Keeps credentials as n8n's database does, and gives them to nodes as n8n does: with the defaults of what was left out. */
export class Credentials implements ICredentialsHelper {
	readonly #stored = new Map<string, { type: string; data: Data }>();

	constructor(private readonly engine: N8nEngine) {}

	store(name: string, type: string, data: Record<string, unknown>): { id: string; name: string } {
		const id = randomUUID();
		this.#stored.set(id, { type, data: data as Data });
		return { id, name };
	}

	/** The type's class, ours or one of n8n's. */
	typeOf(name: string): ICredentialType {
		return this.engine.ours.credentialTypes[name]?.type ?? this.engine.builtInCredential(name);
	}

	/** The data with the defaults of the fields that it leaves out. */
	withDefaults(type: string, data: Record<string, unknown>): Data {
		const { NodeHelpers } = this.engine.workflow;
		const properties = this.#propertiesOf(type);
		return NodeHelpers.getNodeParameters(properties, data as never, true, false, null, null) as Data;
	}

	#propertiesOf(type: string): INodeProperties[] {
		const { extends: parents = [], properties } = this.typeOf(type);
		const all = [...parents.flatMap((parent) => this.#propertiesOf(parent)), ...properties];
		return [...new Map(all.map((property) => [property.name, property])).values()];
	}

	getParentTypes(name: string): string[] {
		const parents = this.typeOf(name).extends ?? [];
		return parents.flatMap((parent) => [parent, ...this.getParentTypes(parent)]);
	}

	isCredentialUsableByNode(credentialType: string, nodeType: string): boolean {
		const { restrictToSupportedNodes, supportedNodes } = this.typeOf(credentialType);
		return !restrictToSupportedNodes || (supportedNodes ?? []).includes(nodeType);
	}

	async getDecrypted(
		_additionalData: IWorkflowExecuteAdditionalData,
		{ id, name }: INodeCredentialsDetails,
		type: string,
	): Promise<Data> {
		const found = this.#stored.get(id ?? '');
		if (found?.type !== type) throw new Error(`There is no credential ${name} of the type ${type}.`);
		return this.withDefaults(type, found.data);
	}

	async authenticate(credentials: Data, typeName: string, request: IHttpRequestOptions): Promise<IHttpRequestOptions> {
		const { authenticate } = this.typeOf(typeName);
		if (typeof authenticate === 'function') return await authenticate(credentials, request);
		throw new Error(`${typeName} has no function that authenticates requests.`);
	}

	async preAuthentication(): Promise<undefined> {}

	async runPreAuthentication(): Promise<undefined> {}

	async getCredentials(): Promise<ICredentials> {
		throw new Error('Credentials are not to be had undecrypted.');
	}

	async updateCredentials(): Promise<void> {
		throw new Error('Credentials of a test do not change.');
	}

	async updateCredentialsOauthTokenData(): Promise<void> {
		throw new Error('Credentials of a test do not change.');
	}

	getCredentialsProperties(type: string): INodeProperties[] {
		return this.#propertiesOf(type);
	}
}
