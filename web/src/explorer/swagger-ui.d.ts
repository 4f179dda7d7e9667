/** As much of the library as is used here; it brings no types. */
declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  export interface Request {
    url: string;
    method?: string;
    headers: Record<string, string>;
  }
  export interface Options {
    spec: object;
    dom_id: string;
    deepLinking: boolean;
    filter: boolean;
    docExpansion: "none" | "list" | "full";
    defaultModelsExpandDepth: number;
    tryItOutEnabled: boolean;
    displayRequestDuration: boolean;
    validatorUrl: null;
    requestInterceptor: (request: Request) => Request;
  }
  export default function SwaggerUI(options: Options): void;
}
