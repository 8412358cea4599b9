package sandbox

import "strings"

// The words that the seeded account is generated from. They name no real person.

var firstNames = []string{
	"Ada", "Aisha", "Akira", "Amara", "Anton", "Bea", "Bruno", "Carla", "Chidi", "Clara", "Dario", "Deniz", "Dmitri", "Elena",
	"Emil", "Fatima", "Felix", "Freya", "Gita", "Hana", "Hugo", "Ines", "Ivan", "Jamal", "Jonas", "José", "Kaito", "Karin",
	"Leila", "Leo", "Lucía", "Malik", "Marta", "Mei", "Mira", "Nadia", "Nils", "Noor", "Olga", "Omar", "Paolo", "Priya",
	"Quentin", "Rafael", "Rosa", "Samir", "Sofia", "Sören", "Tariq", "Tess", "Uma", "Viktor", "Wanda", "Wei", "Xenia", "Yara",
	"Yusuf", "Zoë", "Björn", "Chloé", "Duc", "Esther", "Farid", "Greta",
}

var lastNames = []string{
	"Abe", "Adeyemi", "Almeida", "Andersen", "Bauer", "Becker", "Castro", "Chen", "Costa", "Dubois", "Eriksson", "Fischer",
	"Garcia", "Gupta", "Haddad", "Hansen", "Horvat", "Ibrahim", "Ivanova", "Jansen", "Kaya", "Khan", "Kim", "Kowalska", "Larsen",
	"Lindqvist", "Lopez", "Mbeki", "Meyer", "Moreau", "Müller", "Nakamura", "Nguyen", "Novak", "Núñez", "Okafor", "Olsen",
	"Park", "Patel", "Petrov", "Rossi", "Sahin", "Sato", "Schmidt", "Silva", "Singh", "Sørensen", "Suzuki", "Tanaka", "Tran",
	"Ueda", "Vargas", "Vogel", "Wagner", "Walker", "Weber", "Yilmaz", "Zhang", "Ziegler", "Łukasik",
}

var departments = []string{"Engineering", "Sales", "Support", "Finance", "People", "Legal", "Research & Development", "Marketing"}

var jobTitles = []string{"Engineer", "Account Manager", "Analyst", "Team Lead", "Designer", "Coordinator", "Director"}

var timezones = []string{"Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Asia/Kolkata", "UTC", "America/Sao_Paulo"}

var clientVersions = []string{"6.2.11.5069(win)", "6.1.6.36013(mac)", "6.3.0.1234(iPhone)", "5.17.11.3835(linux)"}

var cities = []string{"Berlin", "Lagos", "Osaka", "Lyon", "Porto", "Denver", "Pune"}

var countries = []string{"DE", "NG", "JP", "FR", "PT", "US", "IN"}

var organizations = []string{"Example Ltd", "Sample & Sons", "Specimen GmbH", "Model Works"}

var subjects = []string{
	"Weekly sync", "Design review", "Customer call", "Planning", "Retrospective", "All hands", "Onboarding", "Budget 2027",
	"Interview", "Training: first steps", "Incident review", "Office hours", "Roadmap Q&A", "Demo <live>", "Übergabe", "Board meeting",
}

// mailFirst and mailLast are the names in the form of an e-mail address.
var mailFirst, mailLast = folded(firstNames), folded(lastNames)

func folded(names []string) []string {
	folder := strings.NewReplacer("é", "e", "ë", "e", "í", "i", "ö", "o", "ø", "o", "ü", "u", "ú", "u", "ñ", "n", "ł", "l")
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = folder.Replace(strings.ToLower(name))
	}
	return all
}

// name is an invented person's name: indices of firstNames and lastNames.
type name struct{ first, last int }

func newName(d *rng) name { return name{d.n(len(firstNames)), d.n(len(lastNames))} }

func (n name) String() string { return firstNames[n.first] + " " + lastNames[n.last] }

func (n name) mail() string { return mailFirst[n.first] + "." + mailLast[n.last] }
