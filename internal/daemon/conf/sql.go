package conf

// SQLSettings say how authd asks a database.
type SQLSettings struct {
	Driver     SQLDriver
	Source     string // a connection string, or the path of a file
	SourceFile string // the file that holds it
	Query      string
}

// SQLDriver is a kind of database.
type SQLDriver string

// The values of auth.sql_driver.
const (
	SQLNone       SQLDriver = ""
	SQLPostgreSQL SQLDriver = "postgresql"
	SQLSQLite     SQLDriver = "sqlite"
)
