import { describeClient } from '../../integration/minio/client-contract';
import { startMinio } from '../../services/s3/minio';
import { startSwift } from '../../services/s3/swift';
import { startVersityGw } from '../../services/s3/versitygw';

describeClient('MinIO', startMinio, { tags: true, isExact: true, oddKeys: false, refusesRedirects: false });
describeClient('Swift', startSwift, { tags: false, isExact: true, oddKeys: true, refusesRedirects: true });
describeClient('VersityGW', startVersityGw, { tags: true, isExact: true, oddKeys: false, refusesRedirects: false });
