/** Tags of objects (GetObjectTagging, PutObjectTagging), which not every server has. */
import { isNotImplemented, S3Failure } from '../../storage/s3/failure';
import { md5Of } from '../../storage/s3/object';
import { assertRoot, type S3Requests } from '../../storage/s3/requests';
import { elements, escapeXml, textOf } from '../../storage/s3/xml';

export type Tags = Readonly<Record<string, string>>;

export class TagCalls {
	/** Whether the server was found to have none. */
	isUnsupported = false;

	constructor(private readonly requests: S3Requests) {}

	/**
	 * Undefined where the server has no tags, or the object is gone.
	 * @throws S3Failure; BackupError CANCELLED
	 */
	async get(key: string, signal?: AbortSignal, versionId?: string): Promise<Tags | undefined> {
		if (this.isUnsupported) return undefined;
		const query: Record<string, string> = { tagging: '', ...(versionId !== undefined && { versionId }) };
		try {
			const answer = await this.requests.send({ method: 'GET', key, query, signal });
			assertRoot(answer, 'Tagging');
			return tagsIn(answer.text);
		} catch (error) {
			if (!(error instanceof S3Failure)) throw error;
			if (error.code === 'NoSuchTagSet' || error.code === 'NoSuchTagSetError') return {};
			if (this.#noteUnsupported(error) || error.status === 404) return undefined;
			throw error;
		}
	}

	/** False where the server has no tags. @throws S3Failure; BackupError CANCELLED */
	async set(key: string, tags: Tags, signal?: AbortSignal): Promise<boolean> {
		if (this.isUnsupported) return false;
		const items = Object.entries(tags).map(([name, value]) => {
			return `<Tag><Key>${escapeXml(name)}</Key><Value>${escapeXml(value)}</Value></Tag>`;
		});
		const body = Buffer.from(
			`<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>${items.join('')}</TagSet></Tagging>`,
		);
		const headers = { 'content-type': 'application/xml', 'content-md5': md5Of(body).toString('base64') };
		try {
			await this.requests.send({ method: 'PUT', key, query: { tagging: '' }, headers, body, signal });
			return true;
		} catch (error) {
			if (error instanceof S3Failure && this.#noteUnsupported(error)) return false;
			throw error;
		}
	}

	#noteUnsupported(error: S3Failure): boolean {
		const isSo = isNotImplemented(error) || error.code === 'NotS3';
		this.isUnsupported ||= isSo;
		return isSo;
	}
}

function tagsIn(text: string): Tags {
	return Object.fromEntries(
		elements(text, 'Tag').map((item) => [textOf(item, 'Key') ?? '', textOf(item, 'Value') ?? '']),
	);
}
