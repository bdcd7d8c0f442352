import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.util.BundleUtil;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBase;
import org.hl7.fhir.instance.model.api.IBaseBundle;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.instance.model.api.IPrimitiveType;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * Bundles before HAPI FHIR's validator: Validate R4|R5 DEFINITIONS DIRECTORY...
 *
 * <p>Every *.json file below the directories is read as one Bundle of that release and validated
 * whole, and each resource in it once more by itself, against the definitions of the release, the
 * code systems that come with them, and those below DEFINITIONS, which are validated themselves. A code of a system that is not among these (SNOMED CT,
 * DICOM, local ones) is a warning. Prints each error and, at the end, counts. Exit status 1 if
 * there is an error, or no file.
 */
public final class Validate {
    private final FhirContext context;
    private final FhirValidator validator;
    private final boolean quiet = System.getenv("ISTHMUS_WARNINGS") == null;
    private final Map<String, Integer> resources = new TreeMap<>();
    private final Map<ResultSeverityEnum, Integer> issues = new EnumMap<>(ResultSeverityEnum.class);
    private int files;
    private int passed;

    private Validate(FhirContext context, Path definitions) throws IOException {
        this.context = context;
        PrePopulatedValidationSupport ours = new PrePopulatedValidationSupport(context);
        for (Path file : jsonFiles(definitions)) {
            ours.addResource(context.newJsonParser().parseResource(Files.readString(file)));
        }
        UnknownCodeSystemWarningValidationSupport unknown =
                new UnknownCodeSystemWarningValidationSupport(context);
        FhirInstanceValidator module = new FhirInstanceValidator(new ValidationSupportChain(
                ours,
                new DefaultProfileValidationSupport(context),
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context),
                unknown));
        unknown.setNonExistentCodeSystemSeverity(
                IValidationSupport.IssueSeverity.WARNING);
        module.setBestPracticeWarningLevel(BestPracticeWarningLevel.Warning);
        module.setErrorForUnknownProfiles(false); // meta.profile of a site is the site's
        validator = context.newValidator().registerValidatorModule(module);
        for (Path file : jsonFiles(definitions)) {
            String text = Files.readString(file);
            resources.merge("definition", 1, Integer::sum);
            validate(file, context.newJsonParser().parseResource(text), text);
        }
    }

    /**
     * Complaints that are not counted. Identifier.system: the validator takes one for relative when
     * it does not know its scheme, as "dns" (RFC 4501); those that are relative are left. Modality
     * has defined terms, to which images may add; they are published as they are, and of those that
     * DICOM has defined since 2015 the R4 definitions know none. Extension is a type, of R5 too.
     */
    private boolean mistaken(IBaseResource resource, SingleValidationMessage message) {
        String text = message.getMessage();
        if (text.startsWith("Identifier.system must be an absolute reference")) {
            return context.newTerser().getAllPopulatedChildElementsOfType(resource, IBase.class)
                    .stream().filter(e -> e.fhirType().equals("Identifier"))
                    .flatMap(e -> context.newTerser().getValues(e, "system", IPrimitiveType.class)
                            .stream())
                    .allMatch(system -> URI.create(system.getValueAsString()).isAbsolute());
        }
        if (text.startsWith("The type Extension is not legal")) {
            return message.getLocationString().equals("StructureDefinition.type");
        }
        return text.startsWith("Unknown code 'http://dicom.nema.org/resources/ontology/DCM#")
                && message.getLocationString().matches(".*\\.modality(\\[\\d+\\])?");
    }

    private void issue(Path file, String what, SingleValidationMessage message) {
        issues.merge(message.getSeverity(), 1, Integer::sum);
        boolean error = message.getSeverity().compareTo(ResultSeverityEnum.ERROR) >= 0;
        if (error || !quiet) {
            System.out.printf("%s: %s: %s: %s: %s%n", message.getSeverity(), file, what,
                    message.getLocationString(), message.getMessage());
        }
    }

    private void validate(Path file, IBaseResource resource, String text) {
        for (SingleValidationMessage message : validator.validateWithResult(text).getMessages()) {
            if (mistaken(resource, message)) {
                passed++;
            } else {
                issue(file, context.getResourceType(resource), message);
            }
        }
    }

    private void file(Path file) throws IOException {
        String text = Files.readString(file);
        files++;
        IBaseBundle bundle = (IBaseBundle) context.newJsonParser().parseResource(text);
        validate(file, bundle, text);
        for (IBaseResource resource : BundleUtil.toListOfResources(context, bundle)) {
            resources.merge(context.getResourceType(resource), 1, Integer::sum);
            validate(file, resource, context.newJsonParser().encodeResourceToString(resource));
        }
    }

    private static List<Path> jsonFiles(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            return all.filter(p -> p.toString().endsWith(".json"))
                    .sorted(Comparator.naturalOrder()).toList();
        }
    }

    private void directory(Path directory) throws IOException {
        for (Path file : jsonFiles(directory)) {
            file(file);
        }
    }

    private int count(ResultSeverityEnum severity) {
        return issues.getOrDefault(severity, 0);
    }

    private boolean report(String release) {
        int errors = count(ResultSeverityEnum.ERROR) + count(ResultSeverityEnum.FATAL);
        int all = resources.values().stream().mapToInt(Integer::intValue).sum();
        System.out.printf("%s: %d Bundles, %d resources %s: %d errors, %d warnings, "
                + "%d passed over%n", release, files, all, resources, errors,
                count(ResultSeverityEnum.WARNING), passed);
        return files > 0 && errors == 0;
    }

    public static void main(String[] arguments) throws IOException {
        Validate run = new Validate(
                arguments[0].equals("R4") ? FhirContext.forR4() : FhirContext.forR5(),
                Path.of(arguments[1]));
        for (int i = 2; i < arguments.length; i++) {
            run.directory(Path.of(arguments[i]));
        }
        System.exit(run.report(arguments[0]) ? 0 : 1);
    }
}
